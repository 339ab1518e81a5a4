import { ToolDetails } from '@/features/tools/components/tool-details'
import { ToolsList } from '@/features/tools/components/tools-list'

import { Header } from './shell'
import styles from './shell.module.css'

export function ToolsScreen({ name }: { name: string | null }) {
  return (
    <main className={styles.page}>
      <Header>{null}</Header>
      {name === null ? <ToolsList /> : <ToolDetails name={name} />}
    </main>
  )
}
