/** The roles of the project: shown, made, changed, removed. */

import { type SyntheticEvent, useState } from 'react'

import { isForbidden } from '@/shared/api/http'
import type { Role } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { usePut, useRoles } from '../api/use-rules'
import { draftOfRole, NEW_ROLE, type RoleDraft, roleOf } from '../state/drafts'
import { roleLines } from '../state/rule-words'
import { RuleRow } from './rule-row'

export function Roles() {
  const roles = useRoles()
  const [changed, setChanged] = useState<Role | null>(null)
  if (isForbidden(roles.error)) return null
  return (
    <section aria-labelledby="roles">
      <h2 id="roles">Roles</h2>
      <p className={page.quiet}>
        A role names what its bearers may do. Users and groups are given roles; nobody can give away
        what they may not do themselves.
      </p>
      <Wrong error={roles.error} />
      {roles.isSuccess && (
        <RoleForm
          key={changed?.name ?? ''}
          role={changed}
          onDone={() => {
            setChanged(null)
          }}
        />
      )}
      <ul className={page.list}>
        {roles.data?.map((role) => (
          <RuleRow
            key={role.name}
            kind="roles"
            rule={role}
            lines={roleLines(role)}
            onChange={() => {
              setChanged(role)
            }}
          />
        ))}
      </ul>
    </section>
  )
}

/** Makes a role, or changes the one that is given. */
function RoleForm({ role, onDone }: { role: Role | null; onDone: () => void }) {
  const put = usePut('roles')
  const [draft, setDraft] = useState(role === null ? NEW_ROLE : draftOfRole(role))
  const field = (name: keyof RoleDraft) => ({
    value: draft[name],
    onChange: (value: string) => {
      setDraft({ ...draft, [name]: value })
    },
  })
  const onSuccess = (): void => {
    setDraft(NEW_ROLE)
    onDone()
  }
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    put.mutate({ rule: roleOf(draft), isNew: role === null }, { onSuccess })
  }
  return (
    <form className={page.form} onSubmit={submit} aria-label={role?.name ?? 'New role'}>
      <Field label="Name" {...field('name')} required disabled={role !== null} />
      <Field label="Includes" {...field('includes')} placeholder="other roles" />
      <Field label="Allows" {...field('allow')} placeholder="runs.* agents.use:a" />
      <Field label="Refuses" {...field('deny')} placeholder="nothing" />
      <Field label="What it is for" {...field('description')} />
      <Button type="submit" look="primary" disabled={put.isPending}>
        {role === null ? 'Add role' : 'Change role'}
      </Button>
      {role !== null && <Button onClick={onDone}>Keep</Button>}
      <Wrong error={put.error} />
    </form>
  )
}
