/** One role or policy in a list: what it does, and the form that changes it. */

import { type ReactNode, useState } from 'react'

import type { Policy, Role } from '@/shared/api/types'
import { RULES } from '@/shared/api/use-roles'
import { Button } from '@/shared/ui/button'
import { Edited, type Editing } from '@/shared/ui/edited'
import page from '@/shared/ui/page.module.css'

import { type Kind, ruleAddress } from '../api/use-rules'
import { sourceWords } from '../state/rule-words'

export function RuleRow<Rule extends Role | Policy>({
  kind,
  rule,
  lines,
  changeable,
  form,
}: {
  kind: Kind
  rule: Rule
  lines: string[]
  changeable: boolean
  form: (editing: Editing<Rule>) => ReactNode
}) {
  const [open, setOpen] = useState(false)
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
      </div>
      {changeable && source === '' && !open && (
        <Button
          onClick={() => {
            setOpen(true)
          }}
        >
          Change
        </Button>
      )}
      {open && (
        <section className={page.unfolded} aria-label={`Change ${rule.name}`}>
          <Edited<Rule>
            path={ruleAddress(kind, rule.name)}
            stale={RULES}
            removal={{
              title: `Remove ${rule.name}?`,
              text: 'What it allows and refuses changes at once, for everybody whom it concerns.',
            }}
            onClose={() => {
              setOpen(false)
            }}
          >
            {form}
          </Edited>
        </section>
      )}
    </li>
  )
}
