import { Credentials } from '@/features/people/components/credentials'
import styles from '@/features/people/components/people.module.css'
import { FinishLogin } from '@/features/servers/components/finish-login'

import { Header } from './shell'
import frame from './shell.module.css'

export function CredentialsScreen() {
  return (
    <main className={frame.page}>
      <Header>{null}</Header>
      <div className={styles.page}>
        <Credentials />
      </div>
    </main>
  )
}

/** Where a browser comes back to from the page on which a user has signed in for themselves. */
export function OwnLoginScreen({ name }: { name: string }) {
  return (
    <main className={frame.page}>
      <Header>{null}</Header>
      <FinishLogin name={name} own />
    </main>
  )
}
