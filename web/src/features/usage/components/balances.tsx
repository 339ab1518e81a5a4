/** What is left of the budgets, for each whom they bound. */

import type { Balance } from '@/shared/api/types'
import page from '@/shared/ui/page.module.css'

import { useBalances } from '../api/use-usage'
import { type Meter, metersOf, resetWords, subjectWords } from '../state/usage-words'
import styles from './usage.module.css'

export function Balances() {
  const balances = useBalances().data
  if (balances === undefined) return null
  return (
    <section>
      <h2>Budgets</h2>
      {balances.length === 0 ? (
        <p className={page.quiet}>
          Nothing has been consumed on a budget yet. Declare budgets under <code>budgets:</code> in
          muxi.yaml, or with <code>muxi budget set</code>.
        </p>
      ) : (
        <ul className={page.list}>
          {balances.map((balance) => (
            <li key={`${balance.budget} ${balance.subject}`}>
              <BalanceCard balance={balance} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function BalanceCard({ balance }: { balance: Balance }) {
  return (
    <article className={styles.card}>
      <p className={page.head}>
        <strong>{balance.budget}</strong>
        <span className={page.quiet}>
          {subjectWords(balance)}
          {balance.every != null && `, every ${balance.every}`}
        </span>
        <span className={page.aside}>{resetWords(balance, new Date())}</span>
      </p>
      {metersOf(balance).map((meter) => (
        <MeterBar key={meter.measure} meter={meter} />
      ))}
    </article>
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
