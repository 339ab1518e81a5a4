/** The conversation as it is shown: turns of a person's message and the answer, made of blocks. */

import type { Message, Part, ToolCallPart, ToolResultPart } from '@/shared/api/types'

import {
  type ApprovalState,
  type Conversation,
  isUnfinished,
  type RunView,
  type ToolActivity,
} from './conversation'
import type { Draft } from './draft'

export type Block =
  | { kind: 'text' | 'reasoning' | 'refusal'; key: string; text: string; streaming: boolean }
  | { kind: 'media'; key: string; name: string; mediaType: string; url: string | null }
  | {
      kind: 'tool'
      key: string
      callId: string
      name: string
      arguments: Record<string, unknown> | null
      /** What the model has written of the arguments so far, while it still writes. */
      argumentsText: string | null
      activity: ToolActivity | null
      result: ToolResultPart | null
      /** What was asked about this call, the oldest first. */
      approvals: readonly ApprovalState[]
    }

export interface Turn {
  key: string
  /** What the person wrote; null for a run that nobody's message started. */
  input: Message | null
  author: string | null
  run: RunView | null
  blocks: readonly Block[]
  /** Whether the answer was cut short. */
  partial: boolean
  /** What was asked about the turn as a whole. */
  approvals: readonly ApprovalState[]
}

const none: readonly ApprovalState[] = []

/** The turns of `state`; those that did not change are the same objects as in `previous`. */
export function turnsOf(state: Conversation, previous: readonly Turn[] = []): readonly Turn[] {
  const turns: Turn[] = []
  const results = toolResults(state.messages)
  for (const message of state.messages) {
    if (message.role === 'user') turns.push(newTurn(message))
    if (message.role !== 'assistant') continue
    const turn = turnOfRun(turns, message.run_id ?? null, state)
    turn.author ??= message.author ?? null
    turn.partial = message.status === 'partial'
    turn.blocks = [...turn.blocks, ...messageBlocks(message, state, results)]
  }
  for (const run of Object.values(state.runs)) {
    if (isShown(run, state)) addRun(turns, run, state)
  }
  return turns.map((turn) => reuse(turn, previous))
}

/** Whether a run has more to say than its completed messages do. */
function isShown(run: RunView, state: Conversation): boolean {
  return run.id in state.drafts || run.status !== 'completed'
}

function addRun(turns: Turn[], run: RunView, state: Conversation): void {
  const turn = turnOfRun(turns, run.id, state)
  const draft = state.drafts[run.id]
  turn.author ??= draft?.author ?? run.agent
  turn.approvals = state.approvals[run.id] ?? none
  if (draft !== undefined) turn.blocks = [...turn.blocks, ...draftBlocks(draft, run, state)]
}

function newTurn(input: Message | null, run: RunView | null = null): Turn {
  const key = input?.id ?? run?.id ?? 'turn'
  return { key, input, author: null, run, blocks: [], partial: false, approvals: none }
}

/** The turn that `runId` answers: the one it already speaks in, its input's, or the last open one. */
function turnOfRun(turns: Turn[], runId: string | null, state: Conversation): Turn {
  const run = runId === null ? null : (state.runs[runId] ?? null)
  const last = turns.at(-1)
  const found =
    turns.findLast((turn) => runId !== null && runOf(turn) === runId) ??
    turns.findLast((turn) => run?.inputId != null && turn.input?.id === run.inputId) ??
    (last !== undefined && (last.run === null || runId === null) ? last : undefined)
  if (found === undefined) {
    const turn = newTurn(null, run)
    turns.push(turn)
    return turn
  }
  found.run ??= run
  return found
}

function runOf(turn: Turn): string | null {
  return turn.run?.id ?? turn.input?.run_id ?? null
}

function toolResults(messages: readonly Message[]): Map<string, ToolResultPart> {
  const results = new Map<string, ToolResultPart>()
  for (const message of messages) {
    for (const part of message.parts) {
      if (part.type === 'tool_result') results.set(part.call_id, part)
    }
  }
  return results
}

function messageBlocks(
  message: Message,
  state: Conversation,
  results: Map<string, ToolResultPart>,
): Block[] {
  return message.parts.flatMap((part, index) =>
    partBlocks(part, `${message.id}:${index}`, state, results),
  )
}

function partBlocks(
  part: Part,
  key: string,
  state: Conversation,
  results: Map<string, ToolResultPart>,
): Block[] {
  switch (part.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return part.text === '' ? [] : [{ kind: part.type, key, text: part.text, streaming: false }]
    case 'image':
    case 'audio':
    case 'file':
      return [
        {
          kind: 'media',
          key,
          name: part.name ?? part.type,
          mediaType: part.media_type,
          url: part.url ?? null,
        },
      ]
    case 'tool_call':
      return [callBlock(part, state, results)]
    default:
      return []
  }
}

function callBlock(
  part: ToolCallPart,
  state: Conversation,
  results: Map<string, ToolResultPart>,
): Block {
  const activity = state.tools[part.id] ?? null
  return {
    kind: 'tool',
    key: part.id,
    callId: part.id,
    name: part.name,
    arguments: activity?.arguments ?? part.arguments,
    argumentsText: part.malformed ?? null,
    activity,
    result: results.get(part.id) ?? activity?.result ?? null,
    approvals: state.approvals[part.id] ?? none,
  }
}

function draftBlocks(draft: Draft, run: RunView, state: Conversation): Block[] {
  const live = isUnfinished(run.status)
  return draft.parts.map((part, place): Block => {
    const key = `${draft.messageId}:${part.index}`
    if (part.type !== 'tool_call') {
      const streaming = live && place === draft.parts.length - 1
      return { kind: part.type, key, text: part.text, streaming }
    }
    return {
      kind: 'tool',
      key: part.id,
      callId: part.id,
      name: part.name,
      arguments: null,
      argumentsText: part.argumentsText,
      activity: state.tools[part.id] ?? null,
      result: null,
      approvals: state.approvals[part.id] ?? none,
    }
  })
}

function reuse(turn: Turn, previous: readonly Turn[]): Turn {
  const before = previous.find((candidate) => candidate.key === turn.key)
  if (before === undefined) return turn
  const known = new Map(before.blocks.map((block) => [block.key, block]))
  const blocks = turn.blocks.map((block) => {
    const old = known.get(block.key)
    return old !== undefined && sameFields(old, block) ? old : block
  })
  const merged = { ...turn, blocks: sameItems(before.blocks, blocks) ? before.blocks : blocks }
  return sameFields(before, merged, ['run']) && sameRun(before.run, turn.run) ? before : merged
}

/** Sequence numbers move with every delta and are not shown. */
function sameRun(before: RunView | null, after: RunView | null): boolean {
  if (before === null || after === null) return before === after
  return sameFields(before, after, ['lastSeq'])
}

function sameItems(before: readonly unknown[], after: readonly unknown[]): boolean {
  return before.length === after.length && before.every((item, index) => item === after[index])
}

function sameFields<Shape extends object>(
  before: Shape,
  after: Shape,
  except: readonly string[] = [],
): boolean {
  const keys = Object.keys(after).filter((key) => !except.includes(key))
  return keys.every((key) => before[key as keyof Shape] === after[key as keyof Shape])
}
