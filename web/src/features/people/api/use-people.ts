/** Who uses the project: oneself, and the other users. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Me, SignInLink, User } from '@/shared/api/types'
import { useList } from '@/shared/api/use-list'

/** What is read of people, their groups and their keys. */
export const PEOPLE = ['people'] as const

export function useMe() {
  return useQuery({
    queryKey: [...PEOPLE, 'me'],
    queryFn: ({ signal }) => request<Me>('GET', '/api/me', { signal }),
  })
}

export function useUsers() {
  return useList<User>(PEOPLE, '/api/users')
}

/** Where one user is read and changed. */
export function userAddress(id: string, rest = ''): string {
  return `/api/users/${encodeURIComponent(id)}${rest}`
}

/** Lets everything that is known of people be read again. */
export function useRefresh(): () => void {
  const client = useQueryClient()
  return () => void client.invalidateQueries({ queryKey: PEOPLE })
}

export function useAddUser() {
  return useMutation({
    mutationFn: (body: {
      id: string
      kind: User['kind']
      roles: string[]
      password: string | null
    }) => request<User>('POST', '/api/users', { body }),
    onSettled: useRefresh(),
  })
}

/** A link by which a user's browser is signed in, once. */
export function useSignInLink(user: string) {
  return useMutation({
    mutationFn: () =>
      request<SignInLink>('POST', '/api/login-links', { body: { user, seconds: LINK_SECONDS } }),
  })
}

const LINK_SECONDS = 24 * 60 * 60

export function useSetPassword(user: string) {
  return useMutation({
    mutationFn: (password: string) =>
      request('PUT', userAddress(user, '/password'), { body: { password } }),
    onSettled: useRefresh(),
  })
}

/** Signs a user out of every browser. */
export function useSignOutUser(user: string) {
  return useMutation({ mutationFn: () => request('DELETE', userAddress(user, '/sessions')) })
}

export function useSignOut() {
  return useMutation({
    mutationFn: () => request('POST', '/api/logout'),
    onSuccess: () => {
      window.location.assign('/login')
    },
  })
}
