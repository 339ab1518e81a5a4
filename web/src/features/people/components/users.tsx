/** The users of the project, for those who may see them. */

import { type ReactNode, useState } from 'react'
import { Link } from 'wouter'

import type { User } from '@/shared/api/types'
import { useMay } from '@/shared/api/use-may'
import { Added } from '@/shared/ui/added'
import { Field, Select } from '@/shared/ui/field'
import { Form, useDraft } from '@/shared/ui/form'
import { Notice } from '@/shared/ui/notice'
import { ShowMore } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useAddUser, useUsers } from '../api/use-people'
import { NEW_USER, newUserOf, userWords } from '../state/user-words'
import { RolePicks } from './role-picks'
import { SignInLink } from './sign-in-link'

export function Users() {
  const users = useUsers()
  const may = useMay('users.write')
  // Most people may not see the others, and need not be told so.
  if (users.data === undefined) return null
  return (
    <section aria-labelledby="users">
      <h2 id="users">Users</h2>
      {may && <NewUser />}
      <ul className={page.list}>
        {users.data.map((user) => (
          <li key={user.id}>{may ? <UserLink user={user} /> : <UserCard user={user} />}</li>
        ))}
      </ul>
      <ShowMore of={users} />
    </section>
  )
}

function UserLink({ user }: { user: User }) {
  return (
    <Link
      href={`/people/${encodeURIComponent(user.id)}`}
      className={page.link}
      data-off={user.disabled}
    >
      <UserLines user={user} />
    </Link>
  )
}

function UserCard({ user }: { user: User }) {
  return (
    <div className={page.card} data-off={user.disabled}>
      <UserLines user={user} />
    </div>
  )
}

function UserLines({ user }: { user: User }) {
  return (
    <>
      <span className={page.head}>
        <strong>{user.id}</strong>
        {user.disabled && <span className={page.tag}>disabled</span>}
        {user.kind === 'service' && <span className={page.tag}>service account</span>}
      </span>
      <span className={page.quiet}>{userWords(user)}</span>
    </>
  )
}

function NewUser() {
  const add = useAddUser()
  const [added, setAdded] = useState<User | null>(null)
  return (
    <>
      <Added by={add} words="Add user" onMade={setAdded}>
        {({ save, actions }) => <UserForm onSubmit={save}>{actions}</UserForm>}
      </Added>
      {added !== null && (
        <Notice key={added.id} tone="info" title={`${added.id} is added.`}>
          {added.kind === 'person' ? (
            <SignInLink user={added.id} />
          ) : (
            <Link href={`/people/${encodeURIComponent(added.id)}`}>Make it a key</Link>
          )}
        </Notice>
      )}
    </>
  )
}

function UserForm({
  onSubmit,
  children,
}: {
  onSubmit: (body: ReturnType<typeof newUserOf>) => void
  children: ReactNode
}) {
  const { draft, set, field } = useDraft(NEW_USER)
  const service = draft.kind === 'service'
  return (
    <Form
      onSubmit={() => {
        onSubmit(newUserOf(draft))
      }}
    >
      <Field label="Name" {...field('id')} required />
      <Select
        label="Kind"
        options={['person', 'service']}
        words={(kind) => (kind === 'person' ? 'person' : 'service account')}
        {...field('kind')}
      />
      {!service && <Field label="Password, if any" {...field('password')} type="password" />}
      <RolePicks
        chosen={draft.roles}
        onChange={(roles) => {
          set({ roles })
        }}
      />
      {children}
    </Form>
  )
}
