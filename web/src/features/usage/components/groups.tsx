/** Who and what consumed it: by agent, user or model. */

import { useState } from 'react'

import { Choice } from '@/shared/ui/choice'
import page from '@/shared/ui/page.module.css'

import { useGroups } from '../api/use-usage'
import { costWords, count, type Grouping, GROUPINGS, sharesOf } from '../state/usage-words'
import styles from './usage.module.css'

export function Groups({ days }: { days: number }) {
  const [by, setBy] = useState<Grouping>('agent')
  const groups = useGroups(days, by)
  const rows = sharesOf(groups.data ?? [], by)
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
      {groups.isPending ? null : rows.length === 0 ? (
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
            {rows.map(({ name, total, share }) => (
              <tr key={name}>
                <th scope="row">
                  {name}
                  <span className={styles.share} style={{ width: `${share * 100}%` }} />
                </th>
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
