/** A question to the person: may this call be made, and with these arguments? */

import { useId, useState } from 'react'

import type { Approval, ApprovalDecision } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Icon } from '@/shared/ui/icon'

import styles from './approval-card.module.css'

interface ApprovalCardProps {
  approval: Approval
  onDecide: (approvalId: string, decision: ApprovalDecision) => Promise<boolean>
}

export function ApprovalCard({ approval, onDecide }: ApprovalCardProps) {
  const written = JSON.stringify(approval.arguments, null, 2)
  const [text, setText] = useState(written)
  const [editing, setEditing] = useState(false)
  const [busy, setBusy] = useState(false)
  const title = useId()
  const edited = parseObject(text)

  const decide = async (decision: ApprovalDecision): Promise<void> => {
    setBusy(true)
    if (!(await onDecide(approval.id, decision))) setBusy(false)
  }
  const approve = (): void => {
    if (edited === null) return
    void decide({ decision: 'approve', ...(text !== written && { arguments: edited }) })
  }
  return (
    <section className={styles.card} aria-labelledby={title}>
      <header>
        <Icon name="hand" />
        <div>
          <h4 id={title}>
            Allow <code>{approval.tool}</code>?
          </h4>
          <p>{approval.reason}</p>
        </div>
      </header>
      {editing ? (
        <textarea
          aria-label="Arguments, as JSON"
          aria-invalid={edited === null}
          spellCheck={false}
          rows={Math.min(14, text.split('\n').length + 1)}
          value={text}
          onChange={(event) => {
            setText(event.target.value)
          }}
        />
      ) : (
        <pre>{text}</pre>
      )}
      {edited === null && (
        <p className={styles.wrong} role="alert">
          The arguments must be a JSON object.
        </p>
      )}
      <div className={styles.actions}>
        <Button look="primary" disabled={busy || edited === null} onClick={approve}>
          {text === written ? 'Approve' : 'Approve with changes'}
        </Button>
        <Button disabled={busy} onClick={() => void decide({ decision: 'deny' })}>
          Deny
        </Button>
        {!editing && (
          <Button
            look="quiet"
            disabled={busy}
            onClick={() => {
              setEditing(true)
            }}
          >
            Edit arguments
          </Button>
        )}
      </div>
    </section>
  )
}

export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
