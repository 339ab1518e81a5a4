/** One user: who they are, what they may do, and how they come in. */

import { useState } from 'react'
import { useLocation } from 'wouter'

import type { User } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Edited, type Editing } from '@/shared/ui/edited'
import { Field } from '@/shared/ui/field'
import { Form, useDraft } from '@/shared/ui/form'
import { Page, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { PEOPLE, useSetPassword, useSignOutUser, userAddress } from '../api/use-people'
import { changesOf, draftOfUser, LOCAL } from '../state/user-words'
import { Keys } from './keys'
import { RolePicks } from './role-picks'
import { SignInLink } from './sign-in-link'

export function UserPage({ id }: { id: string }) {
  const [, navigate] = useLocation()
  const local = id === LOCAL
  const removal = {
    title: `Remove ${id}?`,
    text: 'Their keys and sessions end at once. Their conversations and memories stay.',
  }
  return (
    <Page title={id} back={{ href: '/people', words: 'People and keys' }}>
      <Edited<User>
        path={userAddress(id)}
        stale={PEOPLE}
        method="PATCH"
        removal={local ? undefined : removal}
        onRemoved={() => {
          navigate('/people')
        }}
      >
        {(editing) => <Details {...editing} />}
      </Edited>
      <Keys user={id} />
    </Page>
  )
}

function Details({ item: user, busy, save, actions }: Editing<User>) {
  const { draft, set, field } = useDraft(draftOfUser(user))
  const local = user.id === LOCAL
  return (
    <>
      <p className={page.head}>
        {user.kind === 'service' && <span className={page.tag}>service account</span>}
        {user.disabled && <span className={page.tag}>disabled</span>}
        {user.groups.map((group) => (
          <span key={group} className={page.tag}>
            @{group}
          </span>
        ))}
      </p>
      <Form
        label="User"
        onSubmit={() => {
          save(changesOf(draft, user))
        }}
      >
        <Field label="Full name" {...field('name')} />
        <Field label="E-mail" {...field('email')} />
        {local ? (
          <p className={page.quiet}>The person at the server’s machine may do everything.</p>
        ) : (
          <RolePicks
            chosen={draft.roles}
            onChange={(roles) => {
              set({ roles })
            }}
          />
        )}
        {actions}
      </Form>
      {!local && (
        <section aria-labelledby="entry">
          <h2 id="entry">Signing in</h2>
          {user.kind === 'person' && <Password user={user} />}
          <Entry
            user={user}
            busy={busy}
            onDisable={(disabled) => {
              save({ disabled })
            }}
          />
        </section>
      )}
    </>
  )
}

function Entry({
  user,
  busy,
  onDisable,
}: {
  user: User
  busy: boolean
  onDisable: (disabled: boolean) => void
}) {
  const signOut = useSignOutUser(user.id)
  const person = user.kind === 'person'
  return (
    <>
      <div className={page.actions}>
        {person && !user.disabled && <SignInLink user={user.id} />}
        {person && (
          <Button
            disabled={signOut.isPending || signOut.isSuccess}
            onClick={() => {
              signOut.mutate()
            }}
          >
            {signOut.isSuccess ? 'Signed out everywhere' : 'Sign out everywhere'}
          </Button>
        )}
        <Button
          disabled={busy}
          onClick={() => {
            onDisable(!user.disabled)
          }}
        >
          {user.disabled ? 'Enable' : 'Disable'}
        </Button>
      </div>
      <Wrong error={signOut.error} />
    </>
  )
}

function Password({ user }: { user: User }) {
  const set = useSetPassword(user.id)
  const [password, setPassword] = useState('')
  return (
    <>
      <Form
        label="Password"
        onSubmit={() => {
          set.mutate(password, {
            onSuccess: () => {
              setPassword('')
            },
          })
        }}
      >
        <Field
          label={user.has_password ? 'New password' : 'Password (there is none yet)'}
          account={user.id}
          value={password}
          onChange={setPassword}
          type="password"
          required
        />
        <Button type="submit" disabled={set.isPending}>
          Set password
        </Button>
      </Form>
      {set.isSuccess && <p className={page.quiet}>It is set; other browsers are signed out.</p>}
      <Wrong error={set.error} />
    </>
  )
}
