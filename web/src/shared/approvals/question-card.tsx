/** Something that a tool wants to know of the person, as a form. */

import { useId, useState } from 'react'

import type { Question } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'

import styles from './approval-card.module.css'
import { CardFrame } from './card-frame'
import { answerOf, type Field, fieldsOf, initialOf } from './fields'
import { type CardProps, useDecision } from './use-decision'

export function QuestionCard({ approval, question, onDecide }: CardProps & { question: Question }) {
  const [fields] = useState(() => fieldsOf(question.json_schema ?? null))
  const [typed, setTyped] = useState(() => initialOf(fields))
  const [wrong, setWrong] = useState<string | null>(null)
  const { busy, decide } = useDecision(approval.id, onDecide)
  const page = pageOf(question.url ?? null)
  const answer = (): void => {
    if (page !== null) {
      decide({ decision: 'approve' })
      return
    }
    const found = answerOf(fields, typed)
    setWrong(typeof found === 'string' ? found : null)
    if (typeof found !== 'string') decide({ decision: 'answer', answer: found.value })
  }
  return (
    <CardFrame
      approval={approval}
      title={
        <>
          <code>{approval.tool}</code> asks
        </>
      }
      reason={question.message}
    >
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault()
          answer()
        }}
      >
        {page === null ? (
          fields.map((field) => (
            <Entry
              key={field.name}
              field={field}
              text={typed[field.name ?? ''] ?? ''}
              onChange={(text) => {
                setTyped({ ...typed, [field.name ?? '']: text })
              }}
            />
          ))
        ) : (
          <a href={page.href} target="_blank" rel="noopener noreferrer">
            Open {page.host}
          </a>
        )}
        {wrong !== null && (
          <p className={styles.wrong} role="alert">
            {wrong}
          </p>
        )}
        <div className={styles.actions}>
          <Button type="submit" look="primary" disabled={busy}>
            {page === null ? 'Answer' : 'Done'}
          </Button>
          <Button
            disabled={busy}
            onClick={() => {
              decide({ decision: 'deny' })
            }}
          >
            Decline
          </Button>
        </div>
      </form>
    </CardFrame>
  )
}

interface EntryProps {
  field: Field
  text: string
  onChange: (text: string) => void
}

function Entry({ field, text, onChange }: EntryProps) {
  const id = useId()
  if (field.kind === 'choice') return <Choices field={field} text={text} onChange={onChange} />
  const hint = field.hint === null ? undefined : `${id}-hint`
  return (
    <div className={styles.entry} data-kind={field.kind}>
      <label htmlFor={id}>{field.label}</label>
      <Input id={id} hint={hint} field={field} text={text} onChange={onChange} />
      {field.hint !== null && <small id={hint}>{field.hint}</small>}
    </div>
  )
}

function Input({
  id,
  hint,
  field,
  text,
  onChange,
}: EntryProps & { id: string; hint: string | undefined }) {
  if (field.kind === 'switch') {
    return (
      <input
        id={id}
        aria-describedby={hint}
        type="checkbox"
        checked={text === 'true'}
        onChange={(event) => {
          onChange(String(event.target.checked))
        }}
      />
    )
  }
  if (field.kind === 'json') {
    return (
      <textarea
        id={id}
        aria-describedby={hint}
        rows={3}
        spellCheck={false}
        value={text}
        onChange={(event) => {
          onChange(event.target.value)
        }}
      />
    )
  }
  return (
    <input
      id={id}
      aria-describedby={hint}
      type="text"
      inputMode={field.kind === 'number' ? 'decimal' : 'text'}
      value={text}
      onChange={(event) => {
        onChange(event.target.value)
      }}
    />
  )
}

function Choices({ field, text, onChange }: EntryProps) {
  const name = useId()
  return (
    <fieldset className={styles.choices}>
      <legend>{field.label}</legend>
      {field.choices.map((choice, at) => (
        <label key={choice.label}>
          <input
            type="radio"
            name={name}
            checked={text === String(at)}
            onChange={() => {
              onChange(String(at))
            }}
          />
          {choice.label}
        </label>
      ))}
    </fieldset>
  )
}

/** A page of the web; anything else, such as a script, is no page. */
function pageOf(url: string | null): URL | null {
  if (url === null || !URL.canParse(url)) return null
  const page = new URL(url)
  return page.protocol === 'https:' || page.protocol === 'http:' ? page : null
}
