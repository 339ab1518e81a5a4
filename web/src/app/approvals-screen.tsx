import { ApprovalsList } from '@/features/approvals/components/approvals-list'

import { Header } from './shell'
import styles from './shell.module.css'

export function ApprovalsScreen() {
  return (
    <main className={styles.page}>
      <Header>{null}</Header>
      <ApprovalsList />
    </main>
  )
}
