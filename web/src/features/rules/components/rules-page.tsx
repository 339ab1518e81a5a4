/** Who may do what, by which rule, and why. */

import { Page } from '@/shared/ui/page'
import { PeopleTabs } from '@/shared/ui/people-tabs'

import { useActions } from '../api/use-rules'
import { Policies } from './policies'
import { Roles } from './roles'
import { Why } from './why'

export function RulesPage() {
  const actions = useActions()
  return (
    <Page title="Roles and policies">
      <PeopleTabs current="/roles" />
      <datalist id="actions">
        {actions.data?.map(({ name, words }) => (
          <option key={name} value={name}>
            {words}
          </option>
        ))}
      </datalist>
      <Why />
      <Roles />
      <Policies />
    </Page>
  )
}
