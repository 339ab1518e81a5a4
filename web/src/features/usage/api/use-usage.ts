/** What was consumed, and what is left of the budgets. */

import { useQuery } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Balance, Page, UsageRow } from '@/shared/api/types'

import { firstDay, type Grouping } from '../state/usage-words'

const USAGE = ['usage'] as const
const LOOK_AGAIN = 15_000
const MOST_DAYS = 366
const MOST_ROWS = 100

function usePage(query: Record<string, string | number>) {
  const text = new URLSearchParams(
    Object.entries(query).map(([name, value]) => [name, String(value)]),
  ).toString()
  return useQuery({
    queryKey: [...USAGE, text],
    queryFn: ({ signal }) => request<Page<UsageRow>>('GET', `/api/usage?${text}`, { signal }),
    select: (page) => page.items,
    refetchInterval: LOOK_AGAIN,
  })
}

function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

/** One row for each day on which something was consumed, the newest first. */
export function useDays(days: number) {
  return usePage({
    group_by: 'day',
    since: firstDay(new Date(), days),
    time_zone: zone(),
    limit: MOST_DAYS,
  })
}

/** One row for each agent, user or model. */
export function useGroups(days: number, by: Grouping) {
  return usePage({
    group_by: by,
    since: firstDay(new Date(), days),
    time_zone: zone(),
    limit: MOST_ROWS,
  })
}

export function useBalances() {
  return useQuery({
    queryKey: [...USAGE, 'balances'],
    queryFn: ({ signal }) =>
      request<Page<Balance>>('GET', `/api/balances?limit=${MOST_ROWS}`, { signal }),
    select: (page) => page.items,
    refetchInterval: LOOK_AGAIN,
  })
}
