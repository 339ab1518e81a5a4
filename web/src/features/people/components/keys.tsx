/** Keys of the API, one's own or another user's: made, shown once, rotated, revoked. */

import { type ReactNode, useState } from 'react'

import type { NewKey } from '@/shared/api/types'
import { Added } from '@/shared/ui/added'
import { Field } from '@/shared/ui/field'
import { Form, useDraft } from '@/shared/ui/form'
import { ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { type KeyRequest, useCreateKey, useKeys } from '../api/use-keys'
import { NEW_KEY, requestOf } from '../state/key-words'
import { KeyRow } from './key-row'
import { ShownOnce } from './shown-once'

/** @param user - Whose; one's own, if nobody is named. */
export function Keys({ user }: { user?: string }) {
  const keys = useKeys(user)
  const create = useCreateKey()
  const [fresh, setFresh] = useState<NewKey | null>(null)
  const [now] = useState(() => Date.now())
  return (
    <section aria-labelledby="keys">
      <h2 id="keys">{user === undefined ? 'Your keys' : 'Keys'}</h2>
      <p className={page.quiet}>
        Programs send a key as <code>Authorization: Bearer …</code>
      </p>
      <Added by={create} words="Make key" onMade={setFresh}>
        {({ save, actions }) => (
          <KeyForm
            onSubmit={(body) => {
              save(user === undefined ? body : { ...body, user })
            }}
          >
            {actions}
          </KeyForm>
        )}
      </Added>
      {fresh !== null && <ShownOnce text={fresh.key} label="Copy the key" />}
      <Wrong error={keys.error} />
      <ul className={page.list}>
        {keys.data?.map((key) => (
          <KeyRow key={key.id} item={key} now={now} onRotated={setFresh} />
        ))}
      </ul>
      <ShowMore of={keys} />
    </section>
  )
}

function KeyForm({
  onSubmit,
  children,
}: {
  onSubmit: (body: KeyRequest) => void
  children: ReactNode
}) {
  const { draft, field } = useDraft(NEW_KEY)
  return (
    <Form
      onSubmit={() => {
        onSubmit(requestOf(draft, Date.now()))
      }}
    >
      <Field label="What it is for" {...field('name')} required />
      <Field label="Scopes" {...field('scopes')} placeholder="all, or runs.* …" />
      <Field label="Days" {...field('days')} type="number" placeholder="for ever" />
      {children}
    </Form>
  )
}
