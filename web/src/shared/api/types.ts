/**
 * What crosses the door between this page and the server: resources, messages and events.
 * It says the same as `src/muxi/core`; fields that are not known there are absent or null.
 */

export type Role = 'system' | 'user' | 'assistant' | 'tool'

export interface TextPart {
  type: 'text'
  text: string
}
export interface RefusalPart {
  type: 'refusal'
  text: string
}
export interface ReasoningPart {
  type: 'reasoning'
  text: string
}
export interface MediaPart {
  type: 'image' | 'audio' | 'file'
  media_type: string
  url?: string | null
  name?: string | null
}
export interface ToolCallPart {
  type: 'tool_call'
  id: string
  name: string
  arguments: Record<string, unknown>
  malformed?: string | null
}
export type ToolOutcome = 'ok' | 'error' | 'denied' | 'cancelled'
export interface ToolResultPart {
  type: 'tool_result'
  call_id: string
  name: string
  content: Part[]
  outcome: ToolOutcome
}
export type Part =
  TextPart | RefusalPart | ReasoningPart | MediaPart | ToolCallPart | ToolResultPart

export interface Usage {
  input_tokens: number
  output_tokens: number
  /** US dollars as a decimal string; null when a price is not known. */
  cost?: string | number | null
}

export interface Message {
  id: string
  role: Role
  parts: Part[]
  author?: string | null
  run_id?: string | null
  created_at?: string
  status?: 'complete' | 'partial'
  model?: string | null
}

export type RunStatus =
  'queued' | 'running' | 'waiting' | 'completed' | 'failed' | 'cancelled' | 'limited' | 'blocked'

/** An error as a value, inside runs and events. */
export interface Problem {
  code: string
  message: string
  hint?: string | null
}

export interface Approval {
  id: string
  run_id: string
  call_id: string
  tool: string
  arguments: Record<string, unknown>
  reason: string
}
export interface ApprovalDecision {
  decision: 'approve' | 'deny'
  arguments?: Record<string, unknown>
  reason?: string
}

export interface Thread {
  id: string
  title?: string | null
  agent?: string | null
  created_at: string
  updated_at: string
}

export interface Run {
  id: string
  thread_id: string
  agent: string
  status: RunStatus
  input_id?: string | null
  problem?: Problem | null
  usage?: Usage | null
}

export interface Agent {
  name: string
  description?: string
  model?: string | null
}

export interface Status {
  version: string
  project: string
  default_agent: string
  model: { name: string; small: boolean; note?: string | null }
}

export interface Page<Item> {
  items: Item[]
  next: string | null
}

interface Stamped {
  run_id: string
  /** Place in the thread's stream; 0 when nobody numbers the run. */
  seq: number
}

export type RunEvent = Stamped &
  (
    | { type: 'run.started'; thread_id: string; agent: string; model?: string | null }
    | { type: 'attempt.started'; attempt: number; replaces_from: number }
    | { type: 'message.started'; message_id: string; author?: string | null; model?: string | null }
    | { type: 'text.delta'; index: number; text: string }
    | { type: 'reasoning.delta'; index: number; text: string }
    | { type: 'tool_call.started'; index: number; call_id: string; name: string }
    | { type: 'tool_call.delta'; index: number; call_id: string; text: string }
    | { type: 'model.retried'; model: string; attempt: number; delay: number; problem: Problem }
    | { type: 'message.completed'; message: Message }
    | { type: 'tool.started'; call_id: string; name: string; arguments: Record<string, unknown> }
    | {
        type: 'tool.progress'
        call_id: string
        name: string
        progress?: number | null
        total?: number | null
        message?: string | null
      }
    | { type: 'tool.completed'; result: ToolResultPart; seconds: number }
    | { type: 'approval.requested'; approval: Approval }
    | { type: 'approval.resolved'; approval_id: string; decision: ApprovalDecision }
    | { type: 'guardrail.tripped'; guardrail: string; side: string; action: string; reason: string }
    | { type: 'run.suspended'; approvals: Approval[]; usage: Usage }
    | {
        type: 'run.completed'
        status: RunStatus
        text?: string
        usage: Usage
        problem?: Problem | null
        limit?: string | null
      }
    | { type: 'gap'; from_seq: number; thread_id: string }
  )
