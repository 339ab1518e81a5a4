/** Who and what consumed it: by agent, user or model. */

import { useState } from 'react'

import { Choice } from '@/shared/ui/choice'
import page from '@/shared/ui/page.module.css'

import { useGroups } from '../api/use-usage'
import { costWords, count, type Grouping, GROUPINGS, nameOf, totalOf } from '../state/usage-words'
import styles from './usage.module.css'

export function Groups({ days }: { days: number }) {
  const [by, setBy] = useState<Grouping>('agent')
  const groups = useGroups(days, by)
  const rows = (groups.data ?? [])
    .map((row) => ({ name: nameOf(row, by), total: totalOf([row]) }))
    .sort((a, b) => b.total.cost - a.total.cost || b.total.tokens - a.total.tokens)
  return (
    <section className={styles.part}>
      <div className={page.title}>
        <h2>By {by}</h2>
        <Choice
          label="What is told apart"
          options={GROUPINGS}
          chosen={by}
          words={(each) => each}
          onChoose={setBy}
        />
      </div>
      {rows.length === 0 ? (
        <p className={page.quiet}>Nothing was consumed in these days.</p>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{by}</th>
              <th scope="col">runs</th>
              <th scope="col">tokens</th>
              <th scope="col">cost</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ name, total }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{count(total.runs)}</td>
                <td>{count(total.tokens)}</td>
                <td>{costWords(total)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
