/** The state of one conversation, as values; `apply-event` changes it. */

import type {
  Approval,
  Decision,
  Message,
  Problem,
  Run,
  RunStatus,
  ToolResultPart,
  Usage,
} from '@/shared/api/types'

import type { Draft } from './draft'

export interface ToolActivity {
  state: 'running' | 'done'
  arguments: Record<string, unknown> | null
  progress: { value: number | null; total: number | null; message: string | null } | null
  result: ToolResultPart | null
  seconds: number | null
}

export interface ApprovalState {
  approval: Approval
  decision: Decision | null
}

export interface RunView {
  id: string
  status: RunStatus
  agent: string | null
  model: string | null
  inputId: string | null
  lastSeq: number
  problem: Problem | null
  limit: string | null
  usage: Usage | null
  /** The model call that failed and is about to be made again. */
  retry: { attempt: number; delay: number; problem: Problem } | null
  /** Why a guardrail stepped in. */
  notices: string[]
}

export interface Conversation {
  /** Completed messages, oldest first. */
  messages: readonly Message[]
  /** What models are writing right now, by run. */
  drafts: Readonly<Record<string, Draft>>
  tools: Readonly<Record<string, ToolActivity>>
  /** By the id of the tool call that they are about, or of the run, if they are about no call. */
  approvals: Readonly<Record<string, readonly ApprovalState[]>>
  runs: Readonly<Record<string, RunView>>
  /** Events up to this number were lost on the way; the thread must be read anew. */
  lostUpTo: number | null
}

export const emptyConversation: Conversation = {
  messages: [],
  drafts: {},
  tools: {},
  approvals: {},
  runs: {},
  lostUpTo: null,
}

export function isUnfinished(status: RunStatus): boolean {
  return status === 'queued' || status === 'running' || status === 'waiting'
}

export function conversationOf(messages: readonly Message[], runs: readonly Run[]): Conversation {
  return runs.reduce(withRun, { ...emptyConversation, messages })
}

/** `state` knowing of `run`, as the server just described it. */
export function withRun(state: Conversation, run: Run): Conversation {
  const known = runView(state, run.id)
  const view: RunView = {
    ...known,
    status: run.status,
    agent: run.agent,
    inputId: run.input_id ?? null,
    problem: run.problem ?? null,
    usage: run.usage,
  }
  return { ...state, runs: { ...state.runs, [run.id]: view } }
}

export function withMessage(state: Conversation, message: Message): Conversation {
  const at = state.messages.findIndex((known) => known.id === message.id)
  const messages = at === -1 ? [...state.messages, message] : state.messages.with(at, message)
  return { ...state, messages }
}

/** `state` with a decision that was just taken; the event that confirms it comes later. */
export function decided(state: Conversation, approvalId: string, decision: Decision): Conversation {
  const asked = Object.values(state.approvals)
    .flat()
    .find(({ approval }) => approval.id === approvalId)
  return asked === undefined ? state : withApproval(state, asked.approval, decision)
}

/** `state` with a question, or with the answer to it; an answered one is not asked again. */
export function withApproval(
  state: Conversation,
  approval: Approval,
  decision: Decision | null,
): Conversation {
  const key = approval.call_id === '' ? approval.run_id : approval.call_id
  const known = state.approvals[key] ?? []
  const at = known.findIndex((each) => each.approval.id === approval.id)
  if (at !== -1 && decision === null) return state
  const asked = { approval, decision }
  const next = at === -1 ? [...known, asked] : known.with(at, asked)
  return { ...state, approvals: { ...state.approvals, [key]: next } }
}

export function changeRun(state: Conversation, id: string, change: Partial<RunView>): Conversation {
  return { ...state, runs: { ...state.runs, [id]: { ...runView(state, id), ...change } } }
}

export function runView(state: Conversation, id: string): RunView {
  return state.runs[id] ?? { ...newRun, id }
}

const newRun: RunView = {
  id: '',
  status: 'running',
  agent: null,
  model: null,
  inputId: null,
  lastSeq: 0,
  problem: null,
  limit: null,
  usage: null,
  retry: null,
  notices: [],
}
