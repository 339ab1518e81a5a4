/** How a run ended, when it did not simply complete. */

import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'

import type { RunView } from '../state/conversation'
import styles from './turn-view.module.css'

interface RunOutcomeProps {
  run: RunView | null
  partial: boolean
  onRetry: (() => void) | null
}

export function RunOutcome({ run, partial, onRetry }: RunOutcomeProps) {
  if (run === null) return partial ? <Stopped /> : null
  return (
    <>
      {run.notices.map((notice) => (
        <Notice key={notice} tone="warning" title="A guardrail stepped in" hint={notice} />
      ))}
      <Ending run={run} onRetry={onRetry} />
    </>
  )
}

function Ending({ run, onRetry }: { run: RunView; onRetry: (() => void) | null }) {
  switch (run.status) {
    case 'cancelled':
      return <Stopped />
    case 'failed':
    case 'limited':
    case 'blocked':
      return (
        <Notice
          tone={run.status === 'failed' ? 'problem' : 'warning'}
          title={run.problem?.message ?? endingWords(run)}
          hint={run.problem?.hint ?? null}
        >
          {run.status === 'failed' && onRetry !== null && (
            <Button onClick={onRetry}>Try again</Button>
          )}
        </Notice>
      )
    default:
      return null
  }
}

function endingWords(run: RunView): string {
  if (run.status === 'failed') return 'The run failed.'
  if (run.status === 'blocked') return 'A guardrail stopped this answer.'
  if (run.limit === null) return 'A limit stopped this answer.'
  return `The limit on ${run.limit} was reached.`
}

function Stopped() {
  return <span className={styles.stopped}>Stopped</span>
}
