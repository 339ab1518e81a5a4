/** What is left of one budget, for each whom it bounds. */

import type { Balance } from '@/shared/api/types'
import page from '@/shared/ui/page.module.css'

import { type Meter, metersOf, resetWords, subjectWords } from '../state/usage-words'
import styles from './usage.module.css'

export function Balances({ of: balances }: { of: Balance[] }) {
  if (balances.length === 0) return null
  return (
    <ul className={styles.balances}>
      {balances.map((balance) => (
        <li key={balance.subject}>
          <p className={page.head}>
            <span className={page.quiet}>{subjectWords(balance)}</span>
            <span className={page.aside}>{resetWords(balance, new Date())}</span>
          </p>
          {metersOf(balance).map((meter) => (
            <MeterBar key={meter.measure} meter={meter} />
          ))}
        </li>
      ))}
    </ul>
  )
}

function MeterBar({ meter }: { meter: Meter }) {
  return (
    <div className={styles.meter}>
      <div
        className={styles.track}
        data-tone={meter.tone}
        role="meter"
        aria-label={meter.measure}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(meter.used * 100)}
        aria-valuetext={meter.words}
      >
        <span style={{ width: `${meter.used * 100}%` }} />
        <span style={{ width: `${meter.reserved * 100}%` }} data-reserved />
      </div>
      <span className={page.quiet}>{meter.words}</span>
    </div>
  )
}
