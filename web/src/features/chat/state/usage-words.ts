import type { Usage } from '@/shared/api/types'

const numbers = new Intl.NumberFormat('en')

/** What an answer consumed, in a few words. A price that is not known is not shown as nothing. */
export function usageWords(usage: Usage): string {
  const tokens = `${numbers.format(usage.input_tokens + usage.output_tokens)} tokens`
  if (usage.cost == null) return `${tokens} · price unknown`
  const cost = Number(usage.cost)
  if (cost === 0) return tokens
  return `${tokens} · $${cost < 0.01 ? cost.toPrecision(2) : cost.toFixed(2)}`
}
