/** The policies of the project: shown, made, changed, removed. */

import { type SyntheticEvent, useState } from 'react'

import { isForbidden } from '@/shared/api/http'
import type { Policy } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Choice } from '@/shared/ui/choice'
import { Field } from '@/shared/ui/field'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { usePolicies, usePut } from '../api/use-rules'
import { draftOfPolicy, NEW_POLICY, type PolicyDraft, policyOf } from '../state/drafts'
import { policyLines } from '../state/rule-words'
import { RuleRow } from './rule-row'

export function Policies() {
  const policies = usePolicies()
  const [changed, setChanged] = useState<Policy | null>(null)
  if (isForbidden(policies.error)) return null
  return (
    <section aria-labelledby="policies">
      <h2 id="policies">Policies</h2>
      <p className={page.quiet}>
        A policy allows or refuses something whatever roles somebody has. What is refused anywhere
        is refused.
      </p>
      <Wrong error={policies.error} />
      {policies.isSuccess && (
        <PolicyForm
          key={changed?.name ?? ''}
          policy={changed}
          onDone={() => {
            setChanged(null)
          }}
        />
      )}
      <ul className={page.list}>
        {policies.data?.map((policy) => (
          <RuleRow
            key={policy.name}
            kind="policies"
            rule={policy}
            lines={policyLines(policy)}
            onChange={() => {
              setChanged(policy)
            }}
          />
        ))}
      </ul>
    </section>
  )
}

/** Makes a policy, or changes the one that is given. */
function PolicyForm({ policy, onDone }: { policy: Policy | null; onDone: () => void }) {
  const put = usePut('policies')
  const [draft, setDraft] = useState(policy === null ? NEW_POLICY : draftOfPolicy(policy))
  const field = (name: keyof PolicyDraft) => ({
    value: draft[name],
    onChange: (value: string) => {
      setDraft({ ...draft, [name]: value })
    },
  })
  const onSuccess = (): void => {
    setDraft(NEW_POLICY)
    onDone()
  }
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    put.mutate({ rule: policyOf(draft), isNew: policy === null }, { onSuccess })
  }
  return (
    <form className={page.form} onSubmit={submit} aria-label={policy?.name ?? 'New policy'}>
      <Choice
        label="What it does"
        options={['deny', 'allow'] as const}
        chosen={draft.effect}
        words={(each) => (each === 'deny' ? 'Refuse' : 'Allow')}
        onChoose={(effect) => {
          setDraft({ ...draft, effect })
        }}
      />
      <Field label="Name" {...field('name')} required disabled={policy !== null} />
      <Field label="What" {...field('permissions')} placeholder="tools.use:shell" required />
      <Field label="To" {...field('whom')} placeholder="everybody, or ann @group" />
      <Field label="To whoever is" {...field('roles')} placeholder="any role" />
      <Field label="In runs of" {...field('agents')} placeholder="any agent" />
      <Field label="What they are told" {...field('reason')} />
      <Button type="submit" look="primary" disabled={put.isPending}>
        {policy === null ? 'Add policy' : 'Change policy'}
      </Button>
      {policy !== null && <Button onClick={onDone}>Keep</Button>}
      <Wrong error={put.error} />
    </form>
  )
}
