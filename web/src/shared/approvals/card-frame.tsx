import { type ReactNode, useId } from 'react'

import type { Approval } from '@/shared/api/types'
import { Icon } from '@/shared/ui/icon'

import styles from './approval-card.module.css'

/** The frame of a question: who asks, why, and until when. */
export function CardFrame({
  approval,
  title,
  reason,
  children,
}: {
  approval: Approval
  title: ReactNode
  reason: string
  children: ReactNode
}) {
  const id = useId()
  return (
    <section className={styles.card} aria-labelledby={id}>
      <header>
        <Icon name="hand" />
        <div>
          <h4 id={id}>{title}</h4>
          <p>{reason}</p>
        </div>
      </header>
      {children}
      {approval.expires_at != null && (
        <p className={styles.expires}>
          Open until <time dateTime={approval.expires_at}>{day(approval.expires_at)}</time>
        </p>
      )}
    </section>
  )
}

function day(instant: string): string {
  return new Date(instant).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })
}
