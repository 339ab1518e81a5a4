/** Hands the server what the browser came back with after access was granted or refused: to the
 * project, or to the user alone. */

import { useEffect, useRef } from 'react'
import { Link, useSearch } from 'wouter'

import { Notice } from '@/shared/ui/notice'
import { Page, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useFinishLogin } from '../api/use-servers'
import { loginAnswer } from '../state/server-words'

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
    <Page title={`Signing in to ${title}`}>
      {finish.isPending && <p className={page.quiet}>One moment…</p>}
      <Wrong error={finish.error} />
      {finish.isSuccess && <Notice tone="info" title={`You are signed in to ${title}.`} />}
      <Link
        href={own ? '/credentials' : `/servers/${encodeURIComponent(name)}`}
        className={page.back}
      >
        {own ? 'Your credentials' : 'Back to the server'}
      </Link>
    </Page>
  )
}
