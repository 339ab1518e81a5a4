/** The requests of a conversation, one function each. */

import { request } from '@/shared/api/http'
import type { Decision, Message, Page, Run, Thread } from '@/shared/api/types'

/** Every message on the path to the thread's leaf, oldest first. */
export async function listMessages(threadId: string, signal: AbortSignal): Promise<Message[]> {
  const messages: Message[] = []
  let cursor: string | null = null
  do {
    const page: Page<Message> = await request('GET', messagesPath(threadId, cursor), { signal })
    messages.push(...page.items)
    cursor = page.next
  } while (cursor !== null)
  return messages
}

function messagesPath(threadId: string, cursor: string | null): string {
  const path = `/api/threads/${threadId}/messages`
  return cursor === null ? path : `${path}?cursor=${encodeURIComponent(cursor)}`
}

/** The thread's latest runs, oldest first. */
export async function listRuns(threadId: string, signal: AbortSignal): Promise<Run[]> {
  const query = new URLSearchParams({ thread_id: threadId })
  const page = await request<Page<Run>>('GET', `/api/runs?${query.toString()}`, { signal })
  return page.items.toSorted((one, other) => (one.id < other.id ? -1 : 1))
}

export function createThread(title: string, agent: string | null): Promise<Thread> {
  return request('POST', '/api/threads', { body: { title, ...(agent !== null && { agent }) } })
}

export function startRun(input: {
  text: string
  agent: string | null
  threadId: string
}): Promise<Run> {
  const { text, agent, threadId } = input
  return request('POST', '/api/runs', {
    body: { input: text, thread_id: threadId, ...(agent !== null && { agent }) },
  })
}

export function cancelRun(runId: string): Promise<Run> {
  return request('POST', `/api/runs/${runId}/cancel`)
}

export function resolveApproval(approvalId: string, decision: Decision): Promise<Run> {
  return request('POST', `/api/approvals/${approvalId}`, { body: decision })
}
