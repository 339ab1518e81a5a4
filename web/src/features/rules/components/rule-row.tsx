/** One role or policy in a list: what it does, and what can be done with it. */

import { useState } from 'react'

import type { Policy, Role } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { ConfirmDialog } from '@/shared/ui/confirm-dialog'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { type Kind, useRemove } from '../api/use-rules'
import { sourceWords } from '../state/rule-words'

export function RuleRow({
  kind,
  rule,
  lines,
  onChange,
}: {
  kind: Kind
  rule: Role | Policy
  lines: string[]
  onChange: () => void
}) {
  const remove = useRemove(kind)
  const [asking, setAsking] = useState(false)
  const source = sourceWords(rule)
  return (
    <li className={page.row}>
      <div>
        <p className={page.head}>
          <strong>{rule.name}</strong>
          {source !== '' && <span className={page.tag}>{source}</span>}
        </p>
        {lines.map((line) => (
          <p key={line} className={page.quiet}>
            {line}
          </p>
        ))}
        <Wrong error={remove.error} />
      </div>
      {source === '' && (
        <>
          <Button onClick={onChange}>Change</Button>
          <Button
            look="danger"
            disabled={remove.isPending}
            onClick={() => {
              setAsking(true)
            }}
          >
            Remove
          </Button>
        </>
      )}
      {asking && (
        <ConfirmDialog
          title={`Remove ${rule.name}?`}
          text="What it allows and refuses changes at once, for everybody whom it concerns."
          action="Remove"
          onConfirm={() => {
            remove.mutate(rule.name)
          }}
          onClose={() => {
            setAsking(false)
          }}
        />
      )}
    </li>
  )
}
