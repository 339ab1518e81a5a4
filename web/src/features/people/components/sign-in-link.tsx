/** Lets somebody in by a link that works once. */

import { Button } from '@/shared/ui/button'
import { Wrong } from '@/shared/ui/page'

import { useSignInLink } from '../api/use-people'
import { ShownOnce } from './shown-once'

export function SignInLink({ user }: { user: string }) {
  const link = useSignInLink(user)
  return (
    <>
      {link.data === undefined ? (
        <Button
          disabled={link.isPending}
          onClick={() => {
            link.mutate()
          }}
        >
          Make a sign-in link
        </Button>
      ) : (
        <ShownOnce text={link.data.url} label="Copy the link" />
      )}
      <Wrong error={link.error} />
    </>
  )
}
