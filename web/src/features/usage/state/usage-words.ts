/** Usage and budgets in numbers and words that people read. */

import type { Balance, UsageRow } from '@/shared/api/types'

export const GROUPINGS = ['agent', 'user', 'model'] as const
export type Grouping = (typeof GROUPINGS)[number]

export const MEASURES = ['cost', 'tokens', 'runs', 'seconds'] as const
type Measure = (typeof MEASURES)[number]

/** The day that was `days - 1` days before `now`, as YYYY-MM-DD in the zone of this browser. */
export function firstDay(now: Date, days: number): string {
  const first = new Date(now)
  first.setDate(first.getDate() - days + 1)
  return dayOf(first)
}

function dayOf(date: Date): string {
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
  return parts.map((part) => String(part).padStart(2, '0')).join('-')
}

export interface Total {
  runs: number
  tokens: number
  cost: number
  /** Whether the price of some of it is not known, so that the cost is a lower bound. */
  incomplete: boolean
}

export function totalOf(rows: readonly UsageRow[]): Total {
  const total: Total = { runs: 0, tokens: 0, cost: 0, incomplete: false }
  for (const row of rows) {
    total.runs += row.runs
    total.tokens += row.input_tokens + row.output_tokens
    total.cost += Number(row.known_cost)
    total.incomplete ||= row.cost == null
  }
  return total
}

export interface Bar {
  day: string
  total: Total
  /** Height, from 0 to 1. */
  share: number
}

/** A bar for every day, the oldest first, also for those on which nothing happened. */
export function barsOf(rows: readonly UsageRow[], now: Date, days: number): Bar[] {
  const byDay = new Map(rows.map((row) => [row.day, row]))
  const bars = Array.from({ length: days }, (_, index) => {
    const day = firstDay(now, days - index)
    const row = byDay.get(day)
    return { day, total: totalOf(row === undefined ? [] : [row]), share: 0 }
  })
  const height = measuredBy(bars.map((bar) => bar.total))
  return bars.map((bar) => ({ ...bar, share: height(bar.total) }))
}

/** How long the bar of each of these totals is, from 0 to 1. */
function measuredBy(totals: readonly Total[]): (total: Total) => number {
  // Where nothing costs anything, tokens tell more.
  const paid = totals.some((total) => total.cost > 0)
  const size = (total: Total): number => (paid ? total.cost : total.tokens)
  const largest = Math.max(...totals.map(size))
  return (total) => (largest > 0 ? size(total) / largest : 0)
}

export interface Share {
  name: string
  total: Total
  /** Length of its bar, from 0 to 1. */
  share: number
}

/** A bar for each agent, user or model, the largest first. */
export function sharesOf(rows: readonly UsageRow[], by: Grouping): Share[] {
  const named = rows.map((row) => ({ name: nameOf(row, by), total: totalOf([row]) }))
  const length = measuredBy(named.map(({ total }) => total))
  return named
    .map((each) => ({ ...each, share: length(each.total) }))
    .sort((a, b) => b.share - a.share || b.total.tokens - a.total.tokens)
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })

export function count(value: number): string {
  return compact.format(value)
}

export function dollars(value: number): string {
  const digits = value !== 0 && Math.abs(value) < 1 ? 4 : 2
  return `$${value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: digits })}`
}

export function costWords(total: Total): string {
  return `${dollars(total.cost)}${total.incomplete ? '+' : ''}`
}

function nameOf(row: UsageRow, by: Grouping): string {
  const name = row[by]
  return name == null || name === '' ? 'unknown' : name
}

export interface Meter {
  measure: Measure
  /** What was consumed and what is reserved, as parts of the limit. */
  used: number
  reserved: number
  words: string
  tone: 'good' | 'near' | 'out'
}

/** One meter for each measure that the budget bounds. */
export function metersOf(balance: Balance): Meter[] {
  return MEASURES.flatMap((measure) => {
    const limit = amount(balance.limit[measure])
    if (limit === null) return []
    const used = amount(balance.used[measure]) ?? 0
    const reserved = amount(balance.reserved[measure]) ?? 0
    const left = Math.max(0, limit - used - reserved)
    const part = (value: number): number => (limit > 0 ? Math.min(1, value / limit) : 1)
    const filled = part(used)
    return {
      measure,
      used: filled,
      reserved: Math.min(1 - filled, limit > 0 ? reserved / limit : 0),
      words: `${say(measure, left)} of ${say(measure, limit)} left`,
      tone: left <= 0 ? 'out' : filled > 0.8 ? 'near' : 'good',
    } satisfies Meter
  })
}

function amount(value: string | number | null | undefined): number | null {
  return value == null ? null : Number(value)
}

export function say(measure: Measure, value: number): string {
  if (measure === 'cost') return dollars(value)
  if (measure === 'seconds') return `${count(value)} s`
  return `${count(value)} ${value === 1 ? measure.slice(0, -1) : measure}`
}

/** Whom a balance bounds, in words. */
export function subjectWords(balance: Balance): string {
  const [kind = '', ...rest] = balance.subject.split(':')
  const name = rest.join(':')
  return name === '' ? 'everybody' : `${kind} ${name}`
}

export function resetWords(balance: Balance, now: Date): string {
  if (balance.resets_at == null) return ''
  const at = new Date(balance.resets_at)
  const soon = at.getTime() - now.getTime() < 24 * 3600 * 1000
  const options: Intl.DateTimeFormatOptions = soon
    ? { hour: '2-digit', minute: '2-digit' }
    : { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }
  return `begins anew ${soon ? 'at' : 'on'} ${at.toLocaleString('en', options)}`
}
