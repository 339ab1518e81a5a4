import { describe, expect, it } from 'vitest'

import type { Budget } from '@/shared/api/types'

import { boundWords, budgetOf, budgetWords, draftOfBudget, NEW_BUDGET } from './budget-drafts'

const budget: Budget = {
  name: 'one',
  per: 'user:ann:b',
  every: 'month',
  time_zone: 'Europe/Berlin',
  cost: '2.50',
  tokens: 100_000,
  source: 'api',
}

describe('what is typed of a budget', () => {
  it('becomes a budget, and the budget becomes what was typed', () => {
    const draft = draftOfBudget(budget)
    expect(draft).toMatchObject({ per: 'user', only: 'ann:b', cost: '2.50', runs: '' })
    expect(budgetOf(draft)).toEqual({
      per: 'user:ann:b',
      every: 'month',
      time_zone: 'Europe/Berlin',
      cost: '2.50',
      tokens: 100_000,
      runs: null,
      seconds: null,
    })
  })

  it('has no period and no number of runs where it bounds each run', () => {
    const draft = { ...NEW_BUDGET, per: 'run' as const, only: 'left over', runs: '3', seconds: '9' }
    expect(budgetOf(draft)).toMatchObject({ per: 'run', every: null, runs: null, seconds: 9 })
  })
})

describe('words about budgets', () => {
  it('says how much is allowed, to whom and how often', () => {
    expect(budgetWords(budget)).toBe('$2.50, 100K tokens for the user ann:b every month')
    expect(boundWords('tenant')).toBe('all together')
    expect(budgetWords({ ...budget, per: 'run', every: null, cost: null })).toBe(
      '100K tokens for each run',
    )
  })
})
