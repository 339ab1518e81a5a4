/** Roles, policies, and what somebody may do by them. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { ActionInfo, Page, Policy, Role, Verdict } from '@/shared/api/types'

const RULES = ['rules'] as const

export type Kind = 'roles' | 'policies'

export function useRoles() {
  return useRules<Role>('roles')
}

export function usePolicies() {
  return useRules<Policy>('policies')
}

/** All that can be allowed, to choose from. */
export function useActions() {
  return useRules<ActionInfo>('actions')
}

function useRules<Item>(kind: Kind | 'actions') {
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

/** Store a rule; one that is to be new replaces none of its name. */
export function usePut(kind: Kind) {
  return useMutation({
    mutationFn: ({ rule, isNew }: { rule: Role | Policy; isNew: boolean }) => {
      const { source: _, ...body } = rule
      const path = `/api/${kind}/${encodeURIComponent(rule.name)}`
      return request<Role | Policy>('PUT', path, { body, onlyNew: isNew })
    },
    onSettled: useRefresh(),
  })
}

export function useRemove(kind: Kind) {
  return useMutation({
    mutationFn: (name: string) => request('DELETE', `/api/${kind}/${encodeURIComponent(name)}`),
    onSettled: useRefresh(),
  })
}

function useRefresh(): () => void {
  const client = useQueryClient()
  return () => void client.invalidateQueries({ queryKey: RULES })
}
