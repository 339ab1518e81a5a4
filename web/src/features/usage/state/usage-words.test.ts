import { describe, expect, it } from 'vitest'

import type { Balance, UsageRow } from '@/shared/api/types'

import {
  barsOf,
  costWords,
  firstDay,
  metersOf,
  resetWords,
  subjectWords,
  totalOf,
  sharesOf,
} from './usage-words'

const NOW = new Date(2026, 10, 23, 12)

function row(more: Partial<UsageRow>): UsageRow {
  return {
    tenant: 'default',
    runs: 1,
    requests: 1,
    tool_calls: 0,
    input_tokens: 100,
    output_tokens: 20,
    cached_tokens: 0,
    reasoning_tokens: 0,
    seconds: 1,
    cost: '0.50',
    known_cost: '0.50',
    ...more,
  }
}

function balance(more: Partial<Balance>): Balance {
  return {
    budget: 'each',
    subject: 'user:ann',
    every: 'day',
    limit: { cost: '2' },
    used: { cost: '0.5' },
    reserved: { cost: '0.5' },
    left: { cost: '1' },
    resets_at: '2026-11-24T00:00:00Z',
    ...more,
  }
}

describe('usage', () => {
  it('is summed up, and a cost that is not known whole is told as a lower bound', () => {
    const known = totalOf([row({}), row({ runs: 3 })])
    expect([known.runs, known.tokens, costWords(known)]).toEqual([4, 240, '$1.00'])
    expect(costWords(totalOf([row({}), row({ cost: null, known_cost: '0' })]))).toBe('$0.50+')
  })

  it('has a bar for every day, the oldest first, also across the end of a month', () => {
    expect(firstDay(NOW, 30)).toBe('2026-10-25')
    const bars = barsOf(
      [row({ day: '2026-11-23' }), row({ day: '2026-11-22', known_cost: '1' })],
      NOW,
      3,
    )
    expect(bars.map((bar) => [bar.day, bar.share])).toEqual([
      ['2026-11-21', 0],
      ['2026-11-22', 1],
      ['2026-11-23', 0.5],
    ])
  })

  it('is drawn by tokens where nothing costs anything', () => {
    const free = { cost: '0', known_cost: '0' }
    const bars = barsOf([row({ ...free, day: '2026-11-23' })], NOW, 1)
    expect(bars[0]?.share).toBe(1)
  })
})

describe('the share of an agent', () => {
  it('is measured by the one that consumed most, who comes first', () => {
    const rows = [
      row({ agent: 'a', cost: '1', known_cost: '1' }),
      row({ agent: 'b', cost: '4', known_cost: '4' }),
    ]
    expect(sharesOf(rows, 'agent').map(({ name, share }) => [name, share])).toEqual([
      ['b', 1],
      ['a', 0.25],
    ])
    expect(sharesOf([], 'agent')).toEqual([])
  })
})

describe('a balance', () => {
  it('has a meter for each measure that is bounded', () => {
    const [meter] = metersOf(balance({}))
    expect(meter).toEqual({
      measure: 'cost',
      used: 0.25,
      reserved: 0.25,
      words: '$1.00 of $2.00 left',
      tone: 'good',
    })
    const both = balance({
      limit: { runs: 10, tokens: 0 },
      used: { runs: 9, tokens: 5 },
      reserved: {},
    })
    expect(metersOf(both).map((each) => [each.measure, each.used, each.tone])).toEqual([
      ['tokens', 1, 'out'],
      ['runs', 0.9, 'near'],
    ])
  })

  it('says whom it bounds and when it begins anew', () => {
    expect(subjectWords(balance({ subject: 'user:a:b' }))).toBe('user a:b')
    expect(subjectWords(balance({ subject: 'tenant' }))).toBe('everybody')
    expect(resetWords(balance({ resets_at: '2026-12-01T00:00:00' }), NOW)).toContain('on Dec 1')
    expect(resetWords(balance({ resets_at: null }), NOW)).toBe('')
  })
})
