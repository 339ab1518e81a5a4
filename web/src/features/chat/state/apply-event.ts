/**
 * How events change a conversation: `(state, event) → state`, a pure function.
 *
 * An event that was applied before (by its run's sequence number) changes nothing, so a stream may
 * be read again from any earlier point. What every reader holds at the end equals the thread.
 */

import type { RunEvent } from '@/shared/api/types'

import {
  changeRun,
  type Conversation,
  decided,
  runView,
  type ToolActivity,
  withApproval,
  withMessage,
} from './conversation'
import { applyDelta, type Delta, emptyDraft, isDelta } from './draft'

export function applyEvent(state: Conversation, event: RunEvent): Conversation {
  const run = runView(state, event.run_id)
  if (event.seq > 0 && event.seq <= run.lastSeq) return state
  const numbered = changeRun(state, event.run_id, { lastSeq: Math.max(run.lastSeq, event.seq) })
  if (isDelta(event)) return applyDraft(numbered, event)
  return applyRunEvent(applyToolEvent(numbered, event), event)
}

function applyDraft(state: Conversation, event: Delta): Conversation {
  const draft = state.drafts[event.run_id] ?? emptyDraft(event.run_id)
  const next = { ...state, drafts: { ...state.drafts, [event.run_id]: applyDelta(draft, event) } }
  return runView(state, event.run_id).retry === null
    ? next
    : changeRun(next, event.run_id, { retry: null })
}

function applyRunEvent(state: Conversation, event: RunEvent): Conversation {
  const id = event.run_id
  switch (event.type) {
    case 'run.started':
      return changeRun(state, id, {
        status: 'running',
        agent: event.agent,
        model: event.model ?? null,
      })
    case 'attempt.started':
      // The successor asks the model anew: nothing of an answer that was not completed remains.
      return changeRun(withoutDraft(state, id), id, { status: 'running', retry: null })
    case 'message.completed':
      return withMessage(withoutDraft(state, id), { ...event.message, run_id: id })
    case 'model.retried':
      return changeRun(state, id, {
        retry: { attempt: event.attempt, delay: event.delay, problem: event.problem },
      })
    case 'guardrail.tripped':
      return changeRun(state, id, {
        notices: [...runView(state, id).notices, `${event.guardrail}: ${event.reason}`],
      })
    case 'run.suspended':
      return changeRun(state, id, { status: 'waiting', usage: event.usage })
    case 'run.completed':
      return changeRun(state, id, {
        status: event.status,
        problem: event.problem ?? null,
        limit: event.limit ?? null,
        usage: event.usage,
        retry: null,
      })
    case 'gap':
      return { ...state, lostUpTo: Math.max(1, event.seq, event.from_seq - 1) }
    default:
      return state
  }
}

function applyToolEvent(state: Conversation, event: RunEvent): Conversation {
  switch (event.type) {
    case 'tool.started':
      return changeTool(state, event.call_id, { state: 'running', arguments: event.arguments })
    case 'tool.progress':
      return changeTool(state, event.call_id, {
        progress: {
          value: event.progress ?? null,
          total: event.total ?? null,
          message: event.message ?? null,
        },
      })
    case 'tool.completed':
      return changeTool(state, event.result.call_id, {
        state: 'done',
        result: event.result,
        seconds: event.seconds,
        progress: null,
      })
    case 'approval.requested':
      return withApproval(state, event.approval, null)
    case 'run.suspended':
      return event.approvals.reduce((next, approval) => withApproval(next, approval, null), state)
    case 'approval.resolved':
      return decided(state, event.approval_id, event.decision)
    default:
      return state
  }
}

function withoutDraft(state: Conversation, runId: string): Conversation {
  if (!(runId in state.drafts)) return state
  const { [runId]: _, ...drafts } = state.drafts
  return { ...state, drafts }
}

function changeTool(
  state: Conversation,
  callId: string,
  change: Partial<ToolActivity>,
): Conversation {
  const known = state.tools[callId] ?? newTool
  return { ...state, tools: { ...state.tools, [callId]: { ...known, ...change } } }
}

const newTool: ToolActivity = {
  state: 'running',
  arguments: null,
  progress: null,
  result: null,
  seconds: null,
}
