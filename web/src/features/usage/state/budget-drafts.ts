/** Budgets as a person types them in a form, and in words. */

import type { Budget } from '@/shared/api/types'

import { MEASURES, say } from './usage-words'

/** Whom a budget may bound: each of them, or one alone. */
export const BOUNDS = ['user', 'agent', 'tenant', 'run'] as const
export const PERIODS = ['hour', 'day', 'month'] as const

export const NEW_BUDGET = {
  name: '',
  per: 'user' as (typeof BOUNDS)[number],
  only: '',
  every: 'day' as (typeof PERIODS)[number],
  time_zone: 'UTC',
  cost: '',
  tokens: '',
  runs: '',
  seconds: '',
}
export type BudgetDraft = typeof NEW_BUDGET

/** Whether each of them has its own, so that one alone can be meant. */
export function isOfMany(per: BudgetDraft['per']): boolean {
  return per === 'user' || per === 'agent'
}

export function draftOfBudget(budget: Budget): BudgetDraft {
  const [per = '', ...rest] = budget.per.split(':')
  const text = (measure: (typeof MEASURES)[number]) => String(budget[measure] ?? '')
  return {
    name: budget.name,
    per: BOUNDS.find((each) => each === per) ?? NEW_BUDGET.per,
    only: rest.join(':'),
    every: budget.every ?? NEW_BUDGET.every,
    time_zone: budget.time_zone,
    cost: text('cost'),
    tokens: text('tokens'),
    runs: text('runs'),
    seconds: text('seconds'),
  }
}

/** What is sent of it; what is left empty is not bounded. */
export function budgetOf(draft: BudgetDraft): object {
  const only = draft.only.trim()
  const number = (typed: string) => (typed.trim() === '' ? null : Number(typed))
  return {
    per: isOfMany(draft.per) && only !== '' ? `${draft.per}:${only}` : draft.per,
    every: draft.per === 'run' ? null : draft.every,
    time_zone: draft.time_zone.trim() || 'UTC',
    // As it was typed: amounts of money are not rounded.
    cost: draft.cost.trim() || null,
    tokens: number(draft.tokens),
    runs: draft.per === 'run' ? null : number(draft.runs),
    seconds: number(draft.seconds),
  }
}

export function boundWords(per: string): string {
  const [kind = '', ...rest] = per.split(':')
  if (rest.length > 0) return `the ${kind} ${rest.join(':')}`
  return kind === 'tenant' ? 'all together' : `each ${kind}`
}

/** How much a budget allows, to whom and how often. */
export function budgetWords(budget: Budget): string {
  const limits = MEASURES.flatMap((measure) => {
    const limit = budget[measure]
    return limit == null ? [] : [say(measure, Number(limit))]
  })
  const every = budget.every == null ? '' : ` every ${budget.every}`
  return `${limits.join(', ')} for ${boundWords(budget.per)}${every}`
}
