/** What is said of users, and what a person's words about one mean. */

import type { User } from '@/shared/api/types'

/** The person at the server's machine, who may do everything. */
export const LOCAL = 'local'

export const NEW_USER = {
  id: '',
  kind: 'person' as User['kind'],
  roles: ['member'],
  password: '',
}

export function newUserOf({ id, kind, roles, password }: typeof NEW_USER) {
  const given = kind === 'person' && password !== ''
  return { id: id.trim(), kind, roles, password: given ? password : null }
}

/** Who somebody is and what they may do, on one line. */
export function userWords(user: User): string {
  const groups = user.groups.map((group) => `@${group}`)
  return [user.name, user.email, [...user.roles, ...groups].join(', ')]
    .filter((word) => word != null && word !== '')
    .join(' · ')
}

export interface UserDraft {
  name: string
  email: string
  roles: string[]
}

export function draftOfUser({ name, email, roles }: User): UserDraft {
  return { name: name ?? '', email: email ?? '', roles }
}

/** What is sent of it: roles only if they differ, since giving them is a right of its own. */
export function changesOf(draft: UserDraft, user: User): object {
  const same =
    draft.roles.length === user.roles.length &&
    draft.roles.every((role) => user.roles.includes(role))
  return {
    name: draft.name.trim() || null,
    email: draft.email.trim() || null,
    ...(!same && { roles: draft.roles }),
  }
}
