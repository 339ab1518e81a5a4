/** How a tool call stands, and how to say in one line what it was asked. */

import type { ApprovalState } from './conversation'
import type { Block } from './turns'

export type ToolBlock = Extract<Block, { kind: 'tool' }>
export type Outcome =
  'writing' | 'waiting' | 'running' | 'ok' | 'error' | 'denied' | 'cancelled' | 'unknown'

/** `live`: whether the run that made the call has not ended. */
export function outcomeOf(block: ToolBlock, live: boolean): Outcome {
  if (block.result !== null) return block.result.outcome
  if (openOf(block.approvals).length > 0 && live) return 'waiting'
  const last = block.approvals.at(-1)
  const refused = last?.decision?.decision
  if (last?.approval.question == null && (refused === 'deny' || refused === 'expired')) {
    return 'denied'
  }
  if (!live) return 'unknown'
  return block.arguments === null ? 'writing' : 'running'
}

/** The questions that nobody has answered yet. */
export function openOf(approvals: readonly ApprovalState[]): readonly ApprovalState[] {
  return approvals.filter(({ decision }) => decision === null)
}

const LONGEST = 120

/** The arguments' values in one line, such as `17 * 23`. */
export function summaryOf(block: ToolBlock): string {
  if (block.arguments === null) return ''
  const values = Object.values(block.arguments).map((value) =>
    typeof value === 'string' ? value : JSON.stringify(value),
  )
  const line = values.join(', ').replace(/\s+/g, ' ')
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}
