/** The audit log, as the server lists and verifies it. */

import { keepPreviousData, useInfiniteQuery, useMutation } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { AuditEntry, AuditReport, Page } from '@/shared/api/types'

const AUDIT = ['audit'] as const
const PAGE = 50

export interface Filter {
  actor: string
  action: string
  /** Only what was refused. */
  refused: boolean
}

/** Entries that pass `filter`, the newest first. */
export function useAudit({ actor, action, refused }: Filter) {
  return useInfiniteQuery({
    queryKey: [...AUDIT, actor, action, refused],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(PAGE) })
      if (actor !== '') query.set('actor', actor)
      if (action !== '') query.set('action', action)
      if (refused) query.set('outcome', 'refused')
      if (pageParam !== null) query.set('cursor', pageParam)
      return request<Page<AuditEntry>>('GET', `/api/audit?${query.toString()}`, { signal })
    },
    getNextPageParam: (page) => page.next,
    select: (data) => data.pages.flatMap((page) => page.items),
    placeholderData: keepPreviousData,
  })
}

/** Has the server look at the whole log. */
export function useVerify() {
  return useMutation({ mutationFn: () => request<AuditReport>('GET', '/api/audit/report') })
}
