import { Account } from '@/features/people/components/account'
import { Keys } from '@/features/people/components/keys'
import styles from '@/features/people/components/people.module.css'
import { Users } from '@/features/people/components/users'

import { Header } from './shell'
import frame from './shell.module.css'

export function PeopleScreen() {
  return (
    <main className={frame.page}>
      <Header>{null}</Header>
      <div className={styles.page}>
        <h1>People and keys</h1>
        <Account />
        <Keys />
        <Users />
      </div>
    </main>
  )
}
