/** Who uses the project: oneself, one's keys, and the other users. */

import { Page } from '@/shared/ui/page'
import { PeopleTabs } from '@/shared/ui/people-tabs'

import { Account } from './account'
import { Keys } from './keys'
import { Users } from './users'

export function PeoplePage() {
  return (
    <Page title="People and keys">
      <PeopleTabs current="/people" />
      <Account />
      <Keys />
      <Users />
    </Page>
  )
}
