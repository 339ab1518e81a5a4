/** A message that a model is still writing, put together from deltas. */

import type { RunEvent } from '@/shared/api/types'

export type DraftPart =
  | { type: 'text' | 'reasoning'; index: number; text: string }
  | { type: 'tool_call'; index: number; id: string; name: string; argumentsText: string }

export interface Draft {
  messageId: string
  author: string | null
  model: string | null
  /** In the order of their index. */
  parts: readonly DraftPart[]
}

export type Delta = Extract<
  RunEvent,
  {
    type:
      'message.started' | 'text.delta' | 'reasoning.delta' | 'tool_call.started' | 'tool_call.delta'
  }
>

const DELTAS = new Set<string>([
  'message.started',
  'text.delta',
  'reasoning.delta',
  'tool_call.started',
  'tool_call.delta',
] satisfies Delta['type'][])

export function isDelta(event: RunEvent): event is Delta {
  return DELTAS.has(event.type)
}

/** The draft of a run whose first delta came without an announcement. */
export function emptyDraft(runId: string): Draft {
  return { messageId: `draft:${runId}`, author: null, model: null, parts: [] }
}

export function applyDelta(draft: Draft, event: Delta): Draft {
  switch (event.type) {
    case 'message.started':
      return {
        messageId: event.message_id,
        author: event.author ?? null,
        model: event.model ?? null,
        parts: [],
      }
    case 'text.delta':
      return appendText(draft, 'text', event.index, event.text)
    case 'reasoning.delta':
      return appendText(draft, 'reasoning', event.index, event.text)
    case 'tool_call.started':
      return put(draft, {
        type: 'tool_call',
        index: event.index,
        id: event.call_id,
        name: event.name,
        argumentsText: '',
      })
    case 'tool_call.delta':
      return appendArguments(draft, event.call_id, event.text)
  }
}

function appendText(draft: Draft, type: 'text' | 'reasoning', index: number, text: string): Draft {
  const known = draft.parts.find((part) => part.index === index && part.type === type)
  const before = known !== undefined && known.type !== 'tool_call' ? known.text : ''
  return put(draft, { type, index, text: before + text })
}

function appendArguments(draft: Draft, callId: string, text: string): Draft {
  const parts = draft.parts.map((part) =>
    part.type === 'tool_call' && part.id === callId
      ? { ...part, argumentsText: part.argumentsText + text }
      : part,
  )
  return { ...draft, parts }
}

/** `part` in the place of the one with its index and kind, or where its index belongs. */
function put(draft: Draft, part: DraftPart): Draft {
  const at = draft.parts.findIndex(
    (known) => known.index === part.index && known.type === part.type,
  )
  if (at !== -1) return { ...draft, parts: draft.parts.with(at, part) }
  const after = draft.parts.findIndex((known) => known.index > part.index)
  return {
    ...draft,
    parts: draft.parts.toSpliced(after === -1 ? draft.parts.length : after, 0, part),
  }
}
