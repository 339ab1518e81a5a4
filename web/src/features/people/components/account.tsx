/** Who is signed in, and the way out. */

import { Button } from '@/shared/ui/button'
import page from '@/shared/ui/page.module.css'

import { useMe, useSignOut } from '../api/use-people'

export function Account() {
  const me = useMe().data
  const signOut = useSignOut()
  if (me === undefined) return null
  const roles = me.roles.length === 0 ? 'no roles' : me.roles.join(', ')
  return (
    <div className={page.row}>
      <div>
        <strong>{me.user}</strong>
        <p className={page.quiet}>
          {roles}
          {me.tenant !== 'default' && ` in ${me.tenant}`}
        </p>
      </div>
      {me.credential === 'session' && (
        <Button
          disabled={signOut.isPending}
          onClick={() => {
            signOut.mutate()
          }}
        >
          Sign out
        </Button>
      )}
    </div>
  )
}
