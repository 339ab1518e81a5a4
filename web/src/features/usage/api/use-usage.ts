/** What was consumed, and what is left of the budgets. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Balance, Budget, Page, UsageRow } from '@/shared/api/types'

import { firstDay, type Grouping } from '../state/usage-words'

/** What is read of usage and budgets. */
export const USAGE = ['usage'] as const
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

export function useBudgets() {
  return useQuery({
    queryKey: [...USAGE, 'budgets'],
    queryFn: ({ signal }) => request<Page<Budget>>('GET', '/api/budgets', { signal }),
    select: (page) => page.items,
  })
}

/** Where one budget is read and changed. */
export function budgetAddress(name: string): string {
  return `/api/budgets/${encodeURIComponent(name)}`
}

/** Makes a budget, in the place of none. */
export function useAddBudget() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ name, body }: { name: string; body: object }) =>
      request<Budget>('PUT', budgetAddress(name), { body, onlyNew: true }),
    onSettled: () => void client.invalidateQueries({ queryKey: USAGE }),
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
