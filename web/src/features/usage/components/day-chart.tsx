/** A bar for each day. */

import type { UsageRow } from '@/shared/api/types'

import { barsOf, costWords, count } from '../state/usage-words'
import styles from './usage.module.css'

export function DayChart({ rows, days }: { rows: readonly UsageRow[]; days: number }) {
  const bars = barsOf(rows, new Date(), days)
  return (
    <figure className={styles.chart}>
      <ol className={styles.bars} aria-label="Usage by day">
        {bars.map(({ day, total, share }) => {
          const words = `${day}: ${costWords(total)}, ${count(total.tokens)} tokens, ${count(total.runs)} runs`
          return (
            <li key={day} title={words} aria-label={words}>
              <span style={{ height: `${share * 100}%` }} data-empty={share === 0} />
            </li>
          )
        })}
      </ol>
      <figcaption>
        <span>{bars[0]?.day}</span>
        <span>{bars.at(-1)?.day}</span>
      </figcaption>
    </figure>
  )
}
