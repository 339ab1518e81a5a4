/** One's own credentials for tools: given, given anew, forgotten. A value is never shown. */

import { type SyntheticEvent, useState } from 'react'

import type { CredentialInfo } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Page, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import {
  useBeginOwnLogin,
  useCredentials,
  useForgetCredential,
  usePutCredential,
} from '../api/use-credentials'
import { credentialWords, helpAddress } from '../state/credential-words'

export function Credentials() {
  const credentials = useCredentials()
  return (
    <Page title="Your credentials">
      <p className={page.quiet}>
        Tools that work for you use them, and for nobody else. They are kept encrypted and never
        shown again.
      </p>
      <Wrong error={credentials.error} />
      {credentials.data?.length === 0 && (
        <p className={page.quiet}>This project asks its users for none.</p>
      )}
      <ul className={page.list}>
        {credentials.data?.map((each) => (
          <Credential key={each.name} item={each} />
        ))}
      </ul>
    </Page>
  )
}

function Credential({ item }: { item: CredentialInfo }) {
  const forget = useForgetCredential(item.name)
  const help = item.help ?? ''
  const address = helpAddress(help)
  return (
    <li className={page.row}>
      <div>
        <strong>{item.title}</strong>
        <p className={page.quiet}>
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
        <Wrong error={forget.error} />
      </div>
      {item.kind === 'login' ? <SignIn item={item} /> : <Value item={item} />}
      {item.updated_at != null && (
        <Button
          look="grave"
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
      <Wrong error={login.error} />
      {login.data?.url === null && <span className={page.quiet}>It wants no login.</span>}
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
    <form className={page.form} onSubmit={submit}>
      <Field
        label={item.name}
        account={item.name}
        type="password"
        value={value}
        onChange={setValue}
        required
      />
      <Button type="submit" disabled={put.isPending || value === ''}>
        {item.updated_at == null ? 'Save' : 'Replace'}
      </Button>
      <Wrong error={put.error} />
    </form>
  )
}
