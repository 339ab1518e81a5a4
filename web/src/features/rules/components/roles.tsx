/** The roles of the project: shown, made, changed, removed. */

import type { ReactNode } from 'react'

import { isForbidden } from '@/shared/api/http'
import type { Role } from '@/shared/api/types'
import { useMay } from '@/shared/api/use-may'
import { useRoles } from '@/shared/api/use-roles'
import { Added } from '@/shared/ui/added'
import { Field } from '@/shared/ui/field'
import { Form, useDraft } from '@/shared/ui/form'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useAdd } from '../api/use-rules'
import { bodyOf, draftOfRole, NEW_ROLE, roleOf } from '../state/drafts'
import { roleLines } from '../state/rule-words'
import { RuleRow } from './rule-row'

export function Roles() {
  const roles = useRoles()
  const add = useAdd<Role>('roles')
  const may = useMay('roles.write')
  if (isForbidden(roles.error)) return null
  return (
    <section aria-labelledby="roles">
      <h2 id="roles">Roles</h2>
      <p className={page.quiet}>
        A role names what its bearers may do. Users and groups are given roles; nobody can give away
        what they may not do themselves.
      </p>
      <Wrong error={roles.error} />
      {may && (
        <Added by={add} words="Add role">
          {({ save, actions }) => <RoleForm actions={actions} onSubmit={save} />}
        </Added>
      )}
      <ul className={page.list}>
        {roles.data?.map((role) => (
          <RuleRow
            key={role.name}
            kind="roles"
            rule={role}
            lines={roleLines(role)}
            changeable={may}
            form={({ item, save, actions }) => (
              <RoleForm
                role={item}
                actions={actions}
                onSubmit={(role) => {
                  save(bodyOf(role))
                }}
              />
            )}
          />
        ))}
      </ul>
    </section>
  )
}

function RoleForm({
  role,
  actions,
  onSubmit,
}: {
  /** What is changed; its name stands beside the form. None for a new one. */
  role?: Role
  /** The buttons. */
  actions: ReactNode
  onSubmit: (role: Role) => void
}) {
  const { draft, field } = useDraft(role === undefined ? NEW_ROLE : draftOfRole(role))
  return (
    <Form
      onSubmit={() => {
        onSubmit(roleOf(draft))
      }}
    >
      {role === undefined && <Field label="Name" {...field('name')} required />}
      <Field label="Includes" {...field('includes')} placeholder="other roles" />
      <Field label="Allows" {...field('allow')} placeholder="runs.* agents.use:a" />
      <Field label="Refuses" {...field('deny')} placeholder="nothing" />
      <Field label="What it is for" {...field('description')} />
      {actions}
    </Form>
  )
}
