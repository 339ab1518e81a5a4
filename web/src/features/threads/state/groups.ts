/** Conversations by the day they were last touched, as people look for them. */

import type { Thread } from '@/shared/api/types'

export interface ThreadGroup {
  title: string
  threads: Thread[]
}

const DAY_MS = 86_400_000

export function groupByAge(threads: readonly Thread[], now: Date): ThreadGroup[] {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime()
  const bounds: [string, number][] = [
    ['Today', midnight],
    ['Yesterday', midnight - DAY_MS],
    ['Last 7 days', midnight - 7 * DAY_MS],
    ['Last 30 days', midnight - 30 * DAY_MS],
    ['Older', -Infinity],
  ]
  const groups = bounds.map(([title]): ThreadGroup => ({ title, threads: [] }))
  for (const thread of threads) {
    const touched = Date.parse(thread.updated_at)
    const at = bounds.findIndex(([, from]) => !(touched < from))
    groups[at]?.threads.push(thread)
  }
  return groups.filter((group) => group.threads.length > 0)
}

export function matches(thread: Thread, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const title = titleOf(thread).toLowerCase()
  return words.every((word) => title.includes(word))
}

export function titleOf(thread: Thread): string {
  return thread.title == null || thread.title === '' ? 'Untitled' : thread.title
}
