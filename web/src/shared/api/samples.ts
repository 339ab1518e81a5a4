/** Whole resources for tests that care about a few of their fields only. */

import type { Approval, Message, Run, Thread, Usage } from './types'

const WHEN = '2026-11-23T12:00:00Z'

export const someUsage: Usage = {
  requests: 1,
  tool_calls: 0,
  input_tokens: 3,
  output_tokens: 5,
  cached_tokens: 0,
  cache_write_tokens: 0,
  reasoning_tokens: 0,
  cost: '0',
}

export function someMessage(
  fields: Pick<Message, 'id' | 'role' | 'parts'> & Partial<Message>,
): Message {
  return { created_at: WHEN, status: 'complete', metadata: {}, ...fields }
}

export function someRun(fields: Pick<Run, 'id'> & Partial<Run>): Run {
  return {
    thread_id: 'thr_1',
    agent: 'guide',
    status: 'completed',
    attempt: 1,
    crashes: 0,
    first_seq: 0,
    usage: someUsage,
    output: null,
    tools: [],
    created_at: WHEN,
    ...fields,
  }
}

export function someThread(fields: Pick<Thread, 'id'> & Partial<Thread>): Thread {
  return { owner: 'local', metadata: {}, created_at: WHEN, updated_at: WHEN, ...fields }
}

export function someApproval(fields: Pick<Approval, 'id' | 'call_id'>): Approval {
  return {
    run_id: 'run_1',
    thread_id: 'thr_1',
    agent: 'guide',
    tool: 'calculator',
    arguments: {},
    reason: 'It asks before each call.',
    live: false,
    ...fields,
  }
}
