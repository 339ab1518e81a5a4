import { UsagePage } from '@/features/usage/components/usage-page'

import { Header } from './shell'
import styles from './shell.module.css'

export function UsageScreen() {
  return (
    <main className={styles.page}>
      <Header>{null}</Header>
      <UsagePage />
    </main>
  )
}
