/** Hands the server what the browser came back with after access was granted or refused: to the
 * project, or to the user alone. */

import { useEffect, useRef } from 'react'
import { Link, useSearch } from 'wouter'

import { Notice } from '@/shared/ui/notice'

import { useFinishLogin } from '../api/use-servers'
import { loginAnswer } from '../state/server-words'
import styles from './servers.module.css'

export function FinishLogin({ name, own = false }: { name: string; own?: boolean }) {
  const query = useSearch()
  const { mutate, ...finish } = useFinishLogin(name, own)
  const sent = useRef(false)
  const title = own ? name.replace(/^mcp\./, '') : name
  useEffect(() => {
    // A code counts once; effects may run twice.
    if (sent.current) return
    sent.current = true
    mutate(loginAnswer(query))
    window.history.replaceState(null, '', window.location.pathname)
  }, [mutate, query])
  return (
    <div className={styles.page}>
      <h1>Signing in to {title}</h1>
      {finish.isPending && <p className={styles.quiet}>One moment…</p>}
      {finish.isError && <Notice tone="problem" title={finish.error.message} />}
      {finish.isSuccess && <Notice tone="info" title={`You are signed in to ${title}.`} />}
      {own ? (
        <Link href="/credentials" className={styles.back}>
          Your credentials
        </Link>
      ) : (
        <Link href={`/servers/${encodeURIComponent(name)}`} className={styles.back}>
          Back to the server
        </Link>
      )}
    </div>
  )
}
