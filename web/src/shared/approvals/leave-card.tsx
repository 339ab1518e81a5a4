/** May this call be made, and with these arguments? */

import { useState } from 'react'

import { Button } from '@/shared/ui/button'

import styles from './approval-card.module.css'
import { CardFrame } from './card-frame'
import { type CardProps, useDecision } from './use-decision'

export function LeaveCard({ approval, onDecide }: CardProps) {
  const written = JSON.stringify(approval.arguments, null, 2)
  const [text, setText] = useState(written)
  const [editing, setEditing] = useState(false)
  const { busy, decide } = useDecision(approval.id, onDecide)
  const edited = parseObject(text)
  const changed = text !== written
  const isCall = approval.call_id !== ''
  return (
    <CardFrame
      approval={approval}
      title={
        <>
          Allow <code>{approval.tool}</code>?
        </>
      }
      reason={approval.reason}
    >
      {isCall && (
        <Arguments text={text} valid={edited !== null} editing={editing} onChange={setText} />
      )}
      <div className={styles.actions}>
        <Button
          look="primary"
          disabled={busy || edited === null}
          onClick={() => {
            decide({ decision: 'approve', ...(changed && { arguments: edited }) })
          }}
        >
          {changed ? 'Approve with changes' : 'Approve'}
        </Button>
        {isCall && !changed && (
          <Button
            disabled={busy}
            title="Also allow this very call again in this conversation"
            onClick={() => {
              decide({ decision: 'approve', remember: true })
            }}
          >
            Always here
          </Button>
        )}
        <Button
          disabled={busy}
          onClick={() => {
            decide({ decision: 'deny' })
          }}
        >
          Deny
        </Button>
        {isCall && !editing && (
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
    </CardFrame>
  )
}

function Arguments({
  text,
  valid,
  editing,
  onChange,
}: {
  text: string
  valid: boolean
  editing: boolean
  onChange: (text: string) => void
}) {
  if (!editing) return <pre>{text}</pre>
  return (
    <>
      <textarea
        aria-label="Arguments, as JSON"
        aria-invalid={!valid}
        spellCheck={false}
        rows={Math.min(14, text.split('\n').length + 1)}
        value={text}
        onChange={(event) => {
          onChange(event.target.value)
        }}
      />
      {!valid && (
        <p className={styles.wrong} role="alert">
          The arguments must be a JSON object.
        </p>
      )}
    </>
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
