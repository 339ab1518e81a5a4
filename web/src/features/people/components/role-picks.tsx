/** The roles that somebody has, of those that there are. */

import { useRoles } from '@/shared/api/use-roles'
import { Picks } from '@/shared/ui/picks'

export function RolePicks({
  chosen,
  onChange,
}: {
  chosen: readonly string[]
  onChange: (roles: string[]) => void
}) {
  const roles = useRoles().data ?? []
  return (
    <Picks
      label="Roles"
      options={roles.map((role) => role.name)}
      chosen={chosen}
      onChange={onChange}
    />
  )
}
