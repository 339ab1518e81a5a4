/** The tools that agents could have, as the server lists, searches and shows them. */

import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Page, Tool } from '@/shared/api/types'

const LIST = ['tools'] as const
const PAGE = 50

/** All tools by name, or those that fit `words`, the best first. */
export function useTools(words: string) {
  return useInfiniteQuery({
    queryKey: [...LIST, 'list', words],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(PAGE) })
      if (words !== '') query.set('query', words)
      if (pageParam !== null) query.set('cursor', pageParam)
      return request<Page<Tool>>('GET', `/api/tools?${query.toString()}`, { signal })
    },
    getNextPageParam: (page) => page.next,
    select: (data) => data.pages.flatMap((page) => page.items),
    placeholderData: keepPreviousData,
  })
}

export function useTool(name: string) {
  return useQuery({
    queryKey: [...LIST, 'one', name],
    queryFn: ({ signal }) =>
      request<Tool>('GET', `/api/tools/${encodeURIComponent(name)}`, { signal }),
  })
}
