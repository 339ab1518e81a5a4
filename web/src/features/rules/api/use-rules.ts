/** Roles, policies, and what somebody may do by them. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { ActionInfo, Page, Policy, Role, Verdict } from '@/shared/api/types'
import { RULES } from '@/shared/api/use-roles'

import { bodyOf } from '../state/drafts'

export type Kind = 'roles' | 'policies'

export function usePolicies() {
  return useRules<Policy>('policies')
}

/** All that can be allowed, to choose from. */
export function useActions() {
  return useRules<ActionInfo>('actions')
}

function useRules<Item>(kind: 'policies' | 'actions') {
  return useQuery({
    queryKey: [...RULES, kind],
    queryFn: ({ signal }) => request<Page<Item>>('GET', `/api/${kind}`, { signal }),
    select: (page) => page.items,
  })
}

export interface Asked {
  action: string
  resource: string
  user: string
  agent: string
}

/** Whether somebody may do something; what is left empty is not named. */
export function useVerdict() {
  return useMutation({
    mutationFn: (asked: Asked) => {
      const named = Object.entries(asked).filter(([, value]) => value !== '')
      const query = new URLSearchParams(Object.fromEntries(named))
      return request<Verdict>('GET', `/api/can?${query.toString()}`)
    },
  })
}

/** Where one rule is read and changed. */
export function ruleAddress(kind: Kind, name: string): string {
  return `/api/${kind}/${encodeURIComponent(name)}`
}

/** Make a rule, in the place of none. */
export function useAdd<Rule extends Role | Policy>(kind: Kind) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (rule: Rule) =>
      request('PUT', ruleAddress(kind, rule.name), { body: bodyOf(rule), onlyNew: true }),
    onSettled: () => void client.invalidateQueries({ queryKey: RULES }),
  })
}
