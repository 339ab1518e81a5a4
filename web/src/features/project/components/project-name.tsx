import { useStatus } from '../api/use-project'
import styles from './project.module.css'

export function ProjectName() {
  const status = useStatus()
  if (status.data === undefined) return null
  return (
    <span className={styles.project} title={`muxi ${status.data.version}`}>
      <strong>{status.data.project}</strong>
      <span>muxi {status.data.version}</span>
    </span>
  )
}
