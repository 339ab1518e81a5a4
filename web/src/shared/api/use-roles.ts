/** The roles that there are, for whoever may see them. */

import { useQuery } from '@tanstack/react-query'

import { request } from './http'
import type { Page, Role } from './types'

/** What is read of roles and policies. */
export const RULES = ['rules'] as const

export function useRoles() {
  return useQuery({
    queryKey: [...RULES, 'roles'],
    queryFn: ({ signal }) => request<Page<Role>>('GET', '/api/roles', { signal }),
    select: (page) => page.items,
  })
}
