/** The users of the project, for those who may see them. */

import { type SyntheticEvent, useState } from 'react'

import type { User } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useAddUser, useDisable, useUsers } from '../api/use-people'

export function Users() {
  const users = useUsers()
  // Most people may not see the others, and need not be told so.
  if (users.data === undefined) return null
  return (
    <section aria-labelledby="users">
      <h2 id="users">Users</h2>
      <NewUser />
      <ul className={page.list}>
        {users.data.map((user) => (
          <UserRow key={user.id} user={user} />
        ))}
      </ul>
      <ShowMore of={users} />
    </section>
  )
}

function UserRow({ user }: { user: User }) {
  const disable = useDisable()
  const off = user.disabled
  const roles = [...user.roles, ...user.groups.map((group) => `@${group}`)]
  return (
    <li className={page.row} data-off={off}>
      <div>
        <strong>{user.id}</strong>
        <p className={page.quiet}>
          {[user.name, user.kind === 'service' ? 'service account' : user.email, roles.join(', ')]
            .filter((word) => word != null && word !== '')
            .join(' · ')}
        </p>
        <Wrong error={disable.error} />
      </div>
      {user.id !== 'local' && (
        <Button
          disabled={disable.isPending}
          onClick={() => {
            disable.mutate({ id: user.id, disabled: !off })
          }}
        >
          {off ? 'Enable' : 'Disable'}
        </Button>
      )}
    </li>
  )
}

function NewUser() {
  const add = useAddUser()
  const [id, setId] = useState('')
  const [role, setRole] = useState('member')
  const [password, setPassword] = useState('')
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    const body = { id: id.trim(), roles: [role.trim()], password: password || null }
    add.mutate(body, {
      onSuccess: () => {
        setId('')
        setPassword('')
      },
    })
  }
  return (
    <form className={page.form} onSubmit={submit}>
      <Field label="Name" value={id} onChange={setId} required />
      <Field label="Role" value={role} onChange={setRole} required />
      <Field label="Password, if any" value={password} onChange={setPassword} type="password" />
      <Button type="submit" look="primary" disabled={add.isPending}>
        Add user
      </Button>
      <Wrong error={add.error} />
    </form>
  )
}
