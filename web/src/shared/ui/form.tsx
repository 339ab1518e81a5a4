/** A form, and what is typed into it before it is sent. */

import { type ReactNode, useState } from 'react'

import styles from './page.module.css'

export function Form({
  label,
  onSubmit,
  children,
}: {
  label?: string
  onSubmit: () => void
  children: ReactNode
}) {
  return (
    <form
      className={styles.form}
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit()
      }}
    >
      {children}
    </form>
  )
}

type TextsOf<Draft> = {
  [Name in keyof Draft]: Draft[Name] extends string ? Name : never
}[keyof Draft]

/** What is typed: the whole of it, and the value of each field of text with what changes it. */
export function useDraft<Draft extends object>(first: Draft) {
  const [draft, setDraft] = useState(first)
  const set = (change: Partial<Draft>): void => {
    setDraft((before) => ({ ...before, ...change }))
  }
  const field = (name: TextsOf<Draft>) => ({
    value: draft[name] as string,
    onChange: (value: string) => {
      setDraft((before) => ({ ...before, [name]: value }))
    },
  })
  return { draft, set, field }
}
