/** Keys of the API, of oneself or of another user. */

import { useMutation } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Key, NewKey } from '@/shared/api/types'
import { useList } from '@/shared/api/use-list'

import { PEOPLE, useRefresh } from './use-people'

const OVERLAP_SECONDS = 24 * 60 * 60

function place(id: string, rest = ''): string {
  return `/api/keys/${encodeURIComponent(id)}${rest}`
}

/** @param user - Whose; one's own, if nobody is named. */
export function useKeys(user?: string) {
  return useList<Key>(PEOPLE, '/api/keys', user === undefined ? {} : { user })
}

export interface KeyRequest {
  user?: string
  name: string
  scopes: string[] | null
  expires_at: string | null
}

export function useCreateKey() {
  return useMutation({
    mutationFn: (body: KeyRequest) => request<NewKey>('POST', '/api/keys', { body }),
    onSettled: useRefresh(),
  })
}

/** Makes a key in the place of another, which stays good for a day. */
export function useRotate() {
  return useMutation({
    mutationFn: (id: string) =>
      request<NewKey>('POST', place(id, '/rotate'), {
        body: { overlap_seconds: OVERLAP_SECONDS },
      }),
    onSettled: useRefresh(),
  })
}

export function useRevoke() {
  return useMutation({
    mutationFn: (id: string) => request('DELETE', place(id)),
    onSettled: useRefresh(),
  })
}
