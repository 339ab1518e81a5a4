/** The policies of the project: shown, made, changed, removed. */

import type { ReactNode } from 'react'

import { isForbidden } from '@/shared/api/http'
import type { Policy } from '@/shared/api/types'
import { useMay } from '@/shared/api/use-may'
import { Added } from '@/shared/ui/added'
import { Choice } from '@/shared/ui/choice'
import { Field } from '@/shared/ui/field'
import { Form, useDraft } from '@/shared/ui/form'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useAdd, usePolicies } from '../api/use-rules'
import { bodyOf, draftOfPolicy, NEW_POLICY, policyOf } from '../state/drafts'
import { policyLines } from '../state/rule-words'
import { RuleRow } from './rule-row'

export function Policies() {
  const policies = usePolicies()
  const add = useAdd<Policy>('policies')
  const may = useMay('policies.write')
  if (isForbidden(policies.error)) return null
  return (
    <section aria-labelledby="policies">
      <h2 id="policies">Policies</h2>
      <p className={page.quiet}>
        A policy allows or refuses something whatever roles somebody has. What is refused anywhere
        is refused.
      </p>
      <Wrong error={policies.error} />
      {may && (
        <Added by={add} words="Add policy">
          {({ save, actions }) => <PolicyForm actions={actions} onSubmit={save} />}
        </Added>
      )}
      <ul className={page.list}>
        {policies.data?.map((policy) => (
          <RuleRow
            key={policy.name}
            kind="policies"
            rule={policy}
            lines={policyLines(policy)}
            changeable={may}
            form={({ item, save, actions }) => (
              <PolicyForm
                policy={item}
                actions={actions}
                onSubmit={(policy) => {
                  save(bodyOf(policy))
                }}
              />
            )}
          />
        ))}
      </ul>
    </section>
  )
}

function PolicyForm({
  policy,
  actions,
  onSubmit,
}: {
  /** What is changed; its name stands beside the form. None for a new one. */
  policy?: Policy
  /** The buttons. */
  actions: ReactNode
  onSubmit: (policy: Policy) => void
}) {
  const { draft, set, field } = useDraft(policy === undefined ? NEW_POLICY : draftOfPolicy(policy))
  return (
    <Form
      onSubmit={() => {
        onSubmit(policyOf(draft))
      }}
    >
      <Choice
        label="What it does"
        options={['deny', 'allow'] as const}
        chosen={draft.effect}
        words={(each) => (each === 'deny' ? 'Refuse' : 'Allow')}
        onChoose={(effect) => {
          set({ effect })
        }}
      />
      {policy === undefined && <Field label="Name" {...field('name')} required />}
      <Field label="What" {...field('permissions')} placeholder="tools.use:shell" required />
      <Field label="To" {...field('whom')} placeholder="all, or ann @ops" />
      <Field label="To whoever is" {...field('roles')} placeholder="any role" />
      <Field label="In runs of" {...field('agents')} placeholder="any agent" />
      <Field label="What they are told" {...field('reason')} />
      {actions}
    </Form>
  )
}
