import { FinishLogin } from '@/features/servers/components/finish-login'
import { ServerDetails } from '@/features/servers/components/server-details'
import { ServersList } from '@/features/servers/components/servers-list'

import { Header } from './shell'
import styles from './shell.module.css'

export function ServersScreen({ name }: { name: string | null }) {
  return (
    <main className={styles.page}>
      <Header>{null}</Header>
      {name === null ? <ServersList /> : <ServerDetails name={name} />}
    </main>
  )
}

/** Where a browser comes back to from the page on which access to a server was granted. */
export function LoginScreen({ name }: { name: string }) {
  return (
    <main className={styles.page}>
      <Header>{null}</Header>
      <FinishLogin name={name} />
    </main>
  )
}
