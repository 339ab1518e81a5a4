/** The beginning of a conversation: a greeting and something to try. */

import type { ReactNode } from 'react'

import { Mark } from '@/shared/ui/mark'

import styles from './empty-state.module.css'

const starters = [
  { title: 'Calculate', prompt: 'What is 17*23?' },
  { title: 'Ask for the time', prompt: 'What time is it in Tokyo?' },
  { title: 'Read a page', prompt: 'Fetch https://example.com and tell me what it says.' },
  { title: 'Just talk', prompt: 'Tell me a short story about a lighthouse.' },
]

export function EmptyState({
  note,
  onStart,
}: {
  note: ReactNode
  onStart: (prompt: string) => void
}) {
  return (
    <div className={styles.empty}>
      <Mark size={56} />
      <h1>What shall we do?</h1>
      <div className={styles.starters}>
        {starters.map(({ title, prompt }) => (
          <button
            key={title}
            type="button"
            onClick={() => {
              onStart(prompt)
            }}
          >
            <strong>{title}</strong>
            <span>{prompt}</span>
          </button>
        ))}
      </div>
      {note}
    </div>
  )
}
