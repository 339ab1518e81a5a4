/** The list of conversations and what can be done to it. */

import {
  useInfiniteQuery,
  useMutation,
  type UseMutationResult,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Page, Thread } from '@/shared/api/types'

const LIST = ['threads'] as const
const PAGE = 50

export function useThreads() {
  return useInfiniteQuery({
    queryKey: LIST,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(PAGE) })
      if (pageParam !== null) query.set('cursor', pageParam)
      return request<Page<Thread>>('GET', `/api/threads?${query.toString()}`, { signal })
    },
    getNextPageParam: (page) => page.next,
    select: (data) => data.pages.flatMap((page) => page.items),
  })
}

export function useThread(id: string) {
  return useQuery({
    queryKey: ['thread', id],
    queryFn: ({ signal }) => request<Thread>('GET', `/api/threads/${id}`, { signal }),
  })
}

/** Read the list anew: a thread was begun or has moved to the top. */
export function useRefreshThreads(): () => void {
  const client = useQueryClient()
  return () => void client.invalidateQueries({ queryKey: LIST })
}

export function useRenameThread(): UseMutationResult<Thread, Error, { id: string; title: string }> {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ id, title }) =>
      request<Thread>('PATCH', `/api/threads/${id}`, { body: { title } }),
    onSettled: (_thread, _error, { id }) =>
      Promise.all([
        client.invalidateQueries({ queryKey: LIST }),
        client.invalidateQueries({ queryKey: ['thread', id] }),
      ]),
  })
}

export function useDeleteThread(): UseMutationResult<undefined, Error, string> {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id) => request<undefined>('DELETE', `/api/threads/${id}`),
    onSettled: () => client.invalidateQueries({ queryKey: LIST }),
  })
}
