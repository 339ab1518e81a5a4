/** The users of the project, for those who may see them. */

import { type SyntheticEvent, useState } from 'react'

import type { User } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'

import { useAddUser, useDisable, useUsers } from '../api/use-people'
import { Field } from './field'
import styles from './people.module.css'

export function Users() {
  const users = useUsers()
  // Most people may not see the others, and need not be told so.
  if (users.data === undefined) return null
  return (
    <section aria-labelledby="users">
      <h2 id="users">Users</h2>
      <NewUser />
      <ul className={styles.list}>
        {users.data.map((user) => (
          <UserRow key={user.id} user={user} />
        ))}
      </ul>
      {users.hasNextPage && (
        <Button disabled={users.isFetchingNextPage} onClick={() => void users.fetchNextPage()}>
          Show more
        </Button>
      )}
    </section>
  )
}

function UserRow({ user }: { user: User }) {
  const disable = useDisable()
  const off = user.disabled
  const roles = [...user.roles, ...user.groups.map((group) => `@${group}`)]
  return (
    <li className={styles.row} data-off={off}>
      <div>
        <strong>{user.id}</strong>
        <p className={styles.quiet}>
          {[user.name, user.kind === 'service' ? 'service account' : user.email, roles.join(', ')]
            .filter((word) => word != null && word !== '')
            .join(' · ')}
        </p>
        {disable.isError && <Notice tone="problem" title={disable.error.message} />}
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
    <form className={styles.form} onSubmit={submit}>
      <Field label="Name" value={id} onChange={setId} required />
      <Field label="Role" value={role} onChange={setRole} required />
      <Field label="Password, if any" value={password} onChange={setPassword} type="password" />
      <Button type="submit" look="primary" disabled={add.isPending}>
        Add user
      </Button>
      {add.isError && <Notice tone="problem" title={add.error.message} />}
    </form>
  )
}
