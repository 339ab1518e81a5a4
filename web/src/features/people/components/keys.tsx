/** One's own keys of the API: made, shown once, revoked. */

import { type SyntheticEvent, useState } from 'react'

import type { Key } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { ConfirmDialog } from '@/shared/ui/confirm-dialog'
import { CopyButton } from '@/shared/ui/copy-button'
import { Field } from '@/shared/ui/field'
import { Notice } from '@/shared/ui/notice'
import { ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useCreateKey, useKeys, useRevoke } from '../api/use-people'
import { expiryOf, lifeWords, scopesOf, scopeWords } from '../state/key-words'
import styles from './people.module.css'

export function Keys() {
  const keys = useKeys()
  const [now] = useState(() => Date.now())
  return (
    <section aria-labelledby="keys">
      <h2 id="keys">Your keys</h2>
      <p className={page.quiet}>
        Programs send a key as <code>Authorization: Bearer …</code>.
      </p>
      <NewKeyForm />
      <Wrong error={keys.error} />
      <ul className={page.list}>
        {keys.data?.map((key) => (
          <KeyRow key={key.id} item={key} now={now} />
        ))}
      </ul>
      <ShowMore of={keys} />
    </section>
  )
}

function KeyRow({ item, now }: { item: Key; now: number }) {
  const revoke = useRevoke()
  const [asking, setAsking] = useState(false)
  const name = item.name === '' ? item.id : item.name
  return (
    <li className={page.row}>
      <div>
        <strong>{name}</strong>
        <p className={page.quiet}>
          {scopeWords(item)} · {lifeWords(item, now)}
        </p>
        <Wrong error={revoke.error} />
      </div>
      <Button
        look="danger"
        disabled={revoke.isPending}
        onClick={() => {
          setAsking(true)
        }}
      >
        Revoke
      </Button>
      {asking && (
        <ConfirmDialog
          title={`Revoke ${name}?`}
          text="Programs that use it are refused at once."
          action="Revoke"
          onConfirm={() => {
            revoke.mutate(item.id)
          }}
          onClose={() => {
            setAsking(false)
          }}
        />
      )}
    </li>
  )
}

function NewKeyForm() {
  const create = useCreateKey()
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState('')
  const [days, setDays] = useState('90')
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    create.mutate({
      name: name.trim(),
      scopes: scopesOf(scopes),
      expires_at: expiryOf(days, Date.now()),
    })
  }
  return (
    <form className={page.form} onSubmit={submit}>
      <Field label="What it is for" value={name} onChange={setName} required />
      <Field label="Scopes" value={scopes} onChange={setScopes} placeholder="all, or runs.* …" />
      <Field label="Days" value={days} onChange={setDays} type="number" />
      <Button type="submit" look="primary" disabled={create.isPending}>
        Make key
      </Button>
      <Wrong error={create.error} />
      {create.data !== undefined && (
        <Notice tone="info" title="Copy it now: it is not shown again.">
          <span className={styles.secret}>
            <code>{create.data.key}</code>
            <CopyButton text={create.data.key} label="Copy the key" />
          </span>
        </Notice>
      )}
    </form>
  )
}
