/** Who did what, by what right: the audit log, looked through and verified. */

import { useDeferredValue, useState } from 'react'

import type { AuditEntry, AuditReport } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Choice } from '@/shared/ui/choice'
import { Field } from '@/shared/ui/field'
import { Notice } from '@/shared/ui/notice'
import { Page, ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'
import { PeopleTabs } from '@/shared/ui/people-tabs'

import { useAudit, useVerify } from '../api/use-audit'
import { aboutWords, reportWords, signedWords, whenWords, whoWords } from '../state/audit-words'
import styles from './audit.module.css'

export function AuditPage() {
  const [actor, setActor] = useState('')
  const [action, setAction] = useState('')
  const [shown, setShown] = useState<'all' | 'refused'>('all')
  const who = useDeferredValue(actor.trim())
  const what = useDeferredValue(action.trim())
  const entries = useAudit({ actor: who, action: what, refused: shown === 'refused' })
  return (
    <Page title="Audit log" wide>
      <PeopleTabs current="/audit" />
      {entries.isSuccess && <Care />}
      <form
        className={page.form}
        onSubmit={(event) => {
          event.preventDefault()
        }}
      >
        <Field label="Who" value={actor} onChange={setActor} placeholder="anybody" />
        <Field
          label="Action"
          value={action}
          onChange={setAction}
          placeholder="such as users.write"
        />
        <Choice
          label="What is shown"
          options={['all', 'refused'] as const}
          chosen={shown}
          words={(each) => (each === 'all' ? 'All' : 'Refused')}
          onChoose={setShown}
        />
      </form>
      <Wrong error={entries.error} />
      {entries.data?.length === 0 && <p className={page.quiet}>There is no such entry.</p>}
      <ul className={styles.entries} aria-busy={entries.isPlaceholderData}>
        {entries.data?.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ul>
      <ShowMore of={entries} />
    </Page>
  )
}

function Entry({ entry }: { entry: AuditEntry }) {
  return (
    <li data-outcome={entry.outcome}>
      <time dateTime={entry.at}>{whenWords(entry)}</time>
      <span>
        <strong>{whoWords(entry)}</strong> <span className={page.quiet}>{entry.credential}</span>
      </span>
      <code>{entry.action}</code>
      <span className={page.quiet}>
        {entry.outcome !== 'done' && <em>{entry.outcome} </em>}
        {aboutWords(entry)}
      </span>
    </li>
  )
}

/** Looks whether the log is what it was, and gives it away to be kept elsewhere. */
function Care() {
  const verify = useVerify()
  return (
    <>
      <p className={page.actions}>
        <Button
          disabled={verify.isPending}
          onClick={() => {
            verify.mutate()
          }}
        >
          Verify
        </Button>
        <a href="/api/audit/export" download="audit.jsonl" className={styles.export}>
          Export
        </a>
        <span className={page.quiet}>
          <code>muxi audit verify audit.jsonl</code> looks at an export without this server.
        </span>
      </p>
      <Wrong error={verify.error} />
      {verify.data !== undefined && <Report report={verify.data} />}
    </>
  )
}

function Report({ report }: { report: AuditReport }) {
  return (
    <Notice
      tone={report.findings.length === 0 ? 'info' : 'problem'}
      title={reportWords(report)}
      hint={signedWords(report)}
    >
      <ul className={page.quiet}>
        {report.findings.map(({ seq, problem }) => (
          <li key={`${seq ?? ''} ${problem}`}>
            {seq != null && `Entry ${seq}: `}
            {problem}
          </li>
        ))}
      </ul>
    </Notice>
  )
}
