/** What is known of one's own credential, in words for people. */

import type { CredentialInfo } from '@/shared/api/types'

export function credentialWords(item: CredentialInfo): string {
  const login = item.kind === 'login'
  if (item.updated_at != null) {
    const day = item.updated_at.slice(0, 10)
    return login ? `Signed in, since ${day}` : `Set on ${day}`
  }
  if (login) return 'Not signed in'
  return item.required ? 'Needed, and not set' : 'Not set: the project’s own is used, if it has one'
}

/** The page that tells how to get one, if the help is nothing but its address. */
export function helpAddress(help: string): string | null {
  return /^https?:\/\/\S+$/.test(help) ? help : null
}
