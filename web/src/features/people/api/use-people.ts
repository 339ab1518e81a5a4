/** Who uses the project: oneself, users, and keys of the API. */

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Key, Me, NewKey, Page, User } from '@/shared/api/types'

const PEOPLE = ['people'] as const
const PAGE = 100

export function useMe() {
  return useQuery({
    queryKey: [...PEOPLE, 'me'],
    queryFn: ({ signal }) => request<Me>('GET', '/api/me', { signal }),
  })
}

function useList<Item>(name: string, path: string) {
  return useInfiniteQuery({
    queryKey: [...PEOPLE, name, path],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(PAGE) })
      if (pageParam !== null) query.set('cursor', pageParam)
      return request<Page<Item>>('GET', `${path}?${query.toString()}`, { signal })
    },
    getNextPageParam: (page) => page.next,
    select: (data) => data.pages.flatMap((page) => page.items),
  })
}

export function useUsers() {
  return useList<User>('users', '/api/users')
}

export function useKeys() {
  return useList<Key>('keys', '/api/keys')
}

function useRefresh(): () => void {
  const client = useQueryClient()
  return () => void client.invalidateQueries({ queryKey: PEOPLE })
}

export function useAddUser() {
  return useMutation({
    mutationFn: (body: { id: string; roles: string[]; password: string | null }) =>
      request<User>('POST', '/api/users', { body }),
    onSettled: useRefresh(),
  })
}

export function useDisable() {
  return useMutation({
    mutationFn: ({ id, disabled }: { id: string; disabled: boolean }) =>
      request<User>('PATCH', `/api/users/${encodeURIComponent(id)}`, { body: { disabled } }),
    onSettled: useRefresh(),
  })
}

export function useCreateKey() {
  return useMutation({
    mutationFn: (body: { name: string; scopes: string[] | null; expires_at: string | null }) =>
      request<NewKey>('POST', '/api/keys', { body }),
    onSettled: useRefresh(),
  })
}

export function useRevoke() {
  return useMutation({
    mutationFn: (id: string) => request('DELETE', `/api/keys/${encodeURIComponent(id)}`),
    onSettled: useRefresh(),
  })
}

export function useSignOut() {
  return useMutation({
    mutationFn: () => request('POST', '/api/logout'),
    onSuccess: () => {
      window.location.assign('/login')
    },
  })
}
