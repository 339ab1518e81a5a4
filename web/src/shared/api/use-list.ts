/** A list of which the server tells one page at a time. */

import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query'

import { request } from './http'
import type { Page } from './types'

const PAGE = 100

/**
 * @param key - What it is a part of.
 * @param path - Where it is read.
 * @param filter - What of it is wanted.
 */
export function useList<Item>(key: QueryKey, path: string, filter: Record<string, string> = {}) {
  return useInfiniteQuery({
    queryKey: [...key, path, filter],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ ...filter, limit: String(PAGE) })
      if (pageParam !== null) query.set('cursor', pageParam)
      return request<Page<Item>>('GET', `${path}?${query.toString()}`, { signal })
    },
    getNextPageParam: (page) => page.next,
    select: (data) => data.pages.flatMap((page) => page.items),
  })
}
