/** The groups of the project, and who is in them. */

import { useMutation } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Group, User } from '@/shared/api/types'
import { useList } from '@/shared/api/use-list'

import { PEOPLE, useRefresh } from './use-people'

/** Where one group is read and changed. */
export function groupAddress(name: string, rest = ''): string {
  return `/api/groups/${encodeURIComponent(name)}${rest}`
}

export function useGroups() {
  return useList<Group>(PEOPLE, '/api/groups')
}

export function useMembers(group: string) {
  return useList<User>(PEOPLE, groupAddress(group, '/members'))
}

export type GroupBody = Pick<Group, 'name' | 'description' | 'roles'>

/** Makes a group, in the place of none. */
export function useAddGroup() {
  return useMutation({
    mutationFn: ({ name, ...body }: GroupBody) =>
      request<Group>('PUT', groupAddress(name), { body, onlyNew: true }),
    onSettled: useRefresh(),
  })
}

/** Lets a user be in a group, or be in it no longer. */
export function useMembership(group: string) {
  return useMutation({
    mutationFn: ({ user, member }: { user: string; member: boolean }) =>
      request(
        member ? 'PUT' : 'DELETE',
        groupAddress(group, `/members/${encodeURIComponent(user)}`),
      ),
    onSettled: useRefresh(),
  })
}
