/** What the server says of the project: its model, its agents. */

import { useQuery } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { Agent, Page, Status } from '@/shared/api/types'

export function useStatus() {
  return useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => request<Status>('GET', '/api/status', { signal }),
  })
}

export function useAgents() {
  return useQuery({
    queryKey: ['agents'],
    queryFn: ({ signal }) => request<Page<Agent>>('GET', '/api/agents', { signal }),
    select: (page) => page.items,
  })
}
