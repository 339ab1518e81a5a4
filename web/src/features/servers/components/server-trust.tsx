/** What is trusted of an MCP server: what is new or has changed waits here for a person. */

import type { LockChange } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useApprove, useLock, useTrust } from '../api/use-servers'
import { approvable, changeWords, diffLines, seenOf } from '../state/server-words'
import styles from './servers.module.css'

export function ServerTrust({ name }: { name: string }) {
  const lock = useLock(name)
  const trust = useTrust(name)
  const approve = useApprove(name)
  if (!lock.isSuccess) {
    return lock.isError ? <Notice tone="problem" title={lock.error.message} /> : null
  }
  const { changes, locked, parts } = lock.data
  const open = approvable(changes)
  const problem = trust.error ?? approve.error
  return (
    <section aria-label="Trust">
      <h2>Trust</h2>
      <Wrong error={problem} />
      {!locked && (
        <Notice tone="info" title="Nothing of this server is locked yet.">
          <Button
            look="primary"
            disabled={trust.isPending}
            onClick={() => {
              trust.mutate()
            }}
          >
            Trust it as it is now
          </Button>
        </Notice>
      )}
      {locked && changes.length === 0 && (
        <p className={page.quiet}>It offers what was locked: {parts} parts, unchanged.</p>
      )}
      {changes.map((change) => (
        <Change
          key={`${change.kind} ${change.name}`}
          change={change}
          busy={approve.isPending}
          onApprove={() => {
            approve.mutate({ part: change.name, seen: seenOf([change]) })
          }}
        />
      ))}
      {open.length > 1 && (
        <Button
          disabled={approve.isPending}
          onClick={() => {
            approve.mutate({ part: null, seen: seenOf(open) })
          }}
        >
          Approve all {open.length}
        </Button>
      )}
    </section>
  )
}

function Change({
  change,
  busy,
  onApprove,
}: {
  change: LockChange
  busy: boolean
  onApprove: () => void
}) {
  return (
    <article className={styles.change} aria-label={`${changeWords(change)} ${change.name}`}>
      <p className={page.head}>
        <span className={styles.held}>{changeWords(change)}</span>
        <code>{change.name}</code>
        <span className={page.aside}>
          {change.change === 'refused' ? (
            'cannot be approved'
          ) : (
            <Button look="primary" disabled={busy} onClick={onApprove}>
              Approve
            </Button>
          )}
        </span>
      </p>
      {change.findings.map((finding) => (
        <p key={`${finding.rule} ${finding.where}`} className={page.problem}>
          {finding.where} {finding.message}
          {finding.excerpt !== '' && <q>{finding.excerpt}</q>}
        </p>
      ))}
      {change.diff !== '' && (
        <details open>
          <summary>What is different</summary>
          <pre className={styles.diff}>
            {diffLines(change.diff).map((line, number) => (
              <span key={number} data-kind={line.kind}>
                {line.text}
              </span>
            ))}
          </pre>
        </details>
      )}
    </article>
  )
}
