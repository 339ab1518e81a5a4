/** What was consumed, day by day and by whom, and what is left of the budgets. */

import { useState } from 'react'

import { Choice } from '@/shared/ui/choice'
import { Notice } from '@/shared/ui/notice'
import { Page } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useDays } from '../api/use-usage'
import { count, costWords, totalOf } from '../state/usage-words'
import { Budgets } from './budgets'
import { DayChart } from './day-chart'
import { Groups } from './groups'
import styles from './usage.module.css'

const RANGES = [7, 30, 90] as const

export function UsagePage() {
  const [days, setDays] = useState<(typeof RANGES)[number]>(30)
  const rows = useDays(days)
  const total = totalOf(rows.data ?? [])
  return (
    <Page
      title="Usage"
      wide
      aside={
        <Choice
          label="Days that are shown"
          options={RANGES}
          chosen={days}
          words={(each) => `${each} days`}
          onChoose={setDays}
        />
      }
    >
      {rows.isError && (
        <Notice tone="problem" title={rows.error.message} hint="This page tries again by itself." />
      )}
      <dl className={styles.figures}>
        <Figure name="Cost" value={costWords(total)} />
        <Figure name="Tokens" value={count(total.tokens)} />
        <Figure name="Runs" value={count(total.runs)} />
      </dl>
      {total.incomplete && (
        <p className={page.quiet}>The cost is a lower bound: some models have no known price.</p>
      )}
      <DayChart rows={rows.data ?? []} days={days} />
      <Groups days={days} />
      <Budgets />
    </Page>
  )
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}
