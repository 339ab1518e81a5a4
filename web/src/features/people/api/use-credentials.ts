/** One's own credentials for tools: what the project asks for, and what of it is given. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { CredentialInfo, Page } from '@/shared/api/types'

const CREDENTIALS = ['credentials'] as const

function place(name: string, rest = ''): string {
  return `/api/credentials/${encodeURIComponent(name)}${rest}`
}

export function useCredentials() {
  return useQuery({
    queryKey: CREDENTIALS,
    queryFn: ({ signal }) => request<Page<CredentialInfo>>('GET', '/api/credentials', { signal }),
    select: (page) => page.items,
  })
}

function useRefresh(): () => void {
  const client = useQueryClient()
  return () => void client.invalidateQueries({ queryKey: CREDENTIALS })
}

export function usePutCredential(name: string) {
  return useMutation({
    mutationFn: (value: string) => request('PUT', place(name), { body: { value } }),
    onSettled: useRefresh(),
  })
}

export function useForgetCredential(name: string) {
  return useMutation({
    mutationFn: () => request('DELETE', place(name)),
    onSettled: useRefresh(),
  })
}

/** Begin to sign in: the browser leaves for the page on which access is granted. */
export function useBeginOwnLogin(name: string) {
  return useMutation({
    mutationFn: () => request<{ url: string | null }>('POST', place(name, '/login'), { body: {} }),
    onSuccess: ({ url }) => {
      if (url !== null) window.location.assign(url)
    },
  })
}
