/** What waits for the person, in all conversations. */

import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Approval, Decision, Page, Run } from '@/shared/api/types'

const LIST = ['approvals'] as const
const PAGE = 50
const LOOK_AGAIN = 15_000

export function useApprovals() {
  return useInfiniteQuery({
    queryKey: LIST,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ limit: String(PAGE) })
      if (pageParam !== null) query.set('cursor', pageParam)
      return request<Page<Approval>>('GET', `/api/approvals?${query.toString()}`, { signal })
    },
    getNextPageParam: (page) => page.next,
    select: (data) => data.pages.flatMap((page) => page.items),
    refetchInterval: LOOK_AGAIN,
  })
}

/** Read the list anew: something was asked or answered. */
export function useRefreshApprovals(): () => void {
  const client = useQueryClient()
  return () => void client.invalidateQueries({ queryKey: LIST })
}

export function useDecide() {
  const refresh = useRefreshApprovals()
  return useMutation({
    mutationFn: ({ id, decision }: { id: string; decision: Decision }) =>
      request<Run>('POST', `/api/approvals/${id}`, { body: decision }),
    onSettled: refresh,
  })
}
