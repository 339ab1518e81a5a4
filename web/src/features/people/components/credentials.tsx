/** One's own credentials for tools: given, given anew, forgotten. A value is never shown. */

import { type SyntheticEvent, useState } from 'react'

import type { CredentialInfo } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'

import {
  useBeginOwnLogin,
  useCredentials,
  useForgetCredential,
  usePutCredential,
} from '../api/use-credentials'
import { credentialWords, helpAddress } from '../state/credential-words'
import { Field } from './field'
import styles from './people.module.css'

export function Credentials() {
  const credentials = useCredentials()
  return (
    <section aria-labelledby="credentials">
      <h1 id="credentials">Your credentials</h1>
      <p className={styles.quiet}>
        Tools that work for you use them, and for nobody else. They are kept encrypted and never
        shown again.
      </p>
      {credentials.isError && <Notice tone="problem" title={credentials.error.message} />}
      {credentials.data?.length === 0 && (
        <p className={styles.quiet}>This project asks its users for none.</p>
      )}
      <ul className={styles.list}>
        {credentials.data?.map((each) => (
          <Credential key={each.name} item={each} />
        ))}
      </ul>
    </section>
  )
}

function Credential({ item }: { item: CredentialInfo }) {
  const forget = useForgetCredential(item.name)
  const help = item.help ?? ''
  const address = helpAddress(help)
  return (
    <li className={styles.row}>
      <div>
        <strong>{item.title}</strong>
        <p className={styles.quiet}>
          {credentialWords(item)}
          {help !== '' && ' · '}
          {address === null ? (
            help
          ) : (
            <a href={address} target="_blank" rel="noreferrer">
              {help}
            </a>
          )}
        </p>
        {forget.isError && <Notice tone="problem" title={forget.error.message} />}
      </div>
      {item.kind === 'login' ? <SignIn item={item} /> : <Value item={item} />}
      {item.updated_at != null && (
        <Button
          look="danger"
          disabled={forget.isPending}
          onClick={() => {
            forget.mutate()
          }}
        >
          {item.kind === 'login' ? 'Sign out' : 'Forget'}
        </Button>
      )}
    </li>
  )
}

function SignIn({ item }: { item: CredentialInfo }) {
  const login = useBeginOwnLogin(item.name)
  return (
    <>
      {login.isError && <Notice tone="problem" title={login.error.message} />}
      {login.data?.url === null && <span className={styles.quiet}>It wants no login.</span>}
      <Button
        disabled={login.isPending}
        onClick={() => {
          login.mutate()
        }}
      >
        {item.updated_at == null ? 'Sign in' : 'Sign in again'}
      </Button>
    </>
  )
}

function Value({ item }: { item: CredentialInfo }) {
  const put = usePutCredential(item.name)
  const [value, setValue] = useState('')
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    put.mutate(value, {
      onSuccess: () => {
        setValue('')
      },
    })
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      <Field label={item.name} type="password" value={value} onChange={setValue} required />
      <Button type="submit" disabled={put.isPending || value === ''}>
        {item.updated_at == null ? 'Save' : 'Replace'}
      </Button>
      {put.isError && <Notice tone="problem" title={put.error.message} />}
    </form>
  )
}
