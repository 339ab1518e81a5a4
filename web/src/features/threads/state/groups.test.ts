import { describe, expect, it } from 'vitest'

import { someThread } from '@/shared/api/samples'
import type { Thread } from '@/shared/api/types'

import { groupByAge, matches, titleOf } from './groups'

function thread(id: string, updated: Date, title: string | null = id): Thread {
  return someThread({ id, title, updated_at: updated.toISOString() })
}

const now = new Date(2026, 10, 23, 12, 0)
const daysAgo = (days: number): Date => new Date(2026, 10, 23 - days, 11, 0)

describe('groupByAge', () => {
  it('sorts conversations into the days that people remember', () => {
    const threads = [0, 1, 3, 20, 300].map((days) => thread(`d${days}`, daysAgo(days)))
    const groups = groupByAge(threads, now)
    expect(groups.map((group) => group.title)).toEqual([
      'Today',
      'Yesterday',
      'Last 7 days',
      'Last 30 days',
      'Older',
    ])
    expect(groups.flatMap((group) => group.threads)).toEqual(threads)
  })

  it('keeps a thread whose clock is ahead or broken', () => {
    const ahead = thread('ahead', daysAgo(-2))
    const broken = { ...thread('broken', now), updated_at: 'never' }
    expect(groupByAge([ahead, broken], now).flatMap((group) => group.threads)).toHaveLength(2)
  })
})

describe('matches', () => {
  it('finds all words of a search in any order', () => {
    const plan = thread('t', now, 'A plan for the Lighthouse')
    expect(matches(plan, 'light PLAN')).toBe(true)
    expect(matches(plan, 'light boat')).toBe(false)
    expect(matches(plan, '  ')).toBe(true)
  })

  it('names what has no title', () => {
    expect(titleOf(thread('t', now, null))).toBe('Untitled')
  })
})
