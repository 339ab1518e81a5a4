/** Who answers. With one agent there is nothing to pick and its name is enough. */

import { Icon } from '@/shared/ui/icon'

import { useAgents, useStatus } from '../api/use-project'
import styles from './project.module.css'

export function AgentPicker({
  agent,
  onPick,
}: {
  /** Null for the project's default. */
  agent: string | null
  onPick: (agent: string) => void
}) {
  const agents = useAgents().data ?? []
  const status = useStatus()
  const current = agent ?? status.data?.default_agent ?? ''
  if (current === '') return null
  if (agents.length < 2) return <span className={styles.onlyAgent}>{current}</span>
  return (
    <span className={styles.picker}>
      <select
        aria-label="Agent"
        value={current}
        onChange={(event) => {
          onPick(event.target.value)
        }}
      >
        {agents.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <Icon name="chevron" size={14} />
    </span>
  )
}
