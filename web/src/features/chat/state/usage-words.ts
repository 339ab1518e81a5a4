import type { Usage } from '@/shared/api/types'

const numbers = new Intl.NumberFormat('en')

/** What an answer consumed, in a few words. A price that is not known is not shown as nothing. */
export function usageWords(usage: Usage): string {
  const count = usage.input_tokens + usage.output_tokens
  if (count === 0) return ''
  const tokens = `${numbers.format(count)} tokens`
  if (usage.cost == null) return `${tokens} · price unknown`
  const cost = Number(usage.cost)
  if (cost === 0) return tokens
  return `${tokens} · $${cost < 0.01 ? cost.toPrecision(2) : cost.toFixed(2)}`
}
