/**
 * One open conversation: loads the thread, follows its unfinished runs, sends what a person does.
 * React reads it through `subscribe` and `snapshot`; everything else happens in pure functions.
 */

import { followRun } from '@muxi/client'

import { ApiProblem } from '@/shared/api/http'
import type { Decision, RunEvent } from '@/shared/api/types'

import * as api from '../api/conversation-api'
import { applyEvent } from './apply-event'
import {
  type Conversation,
  conversationOf,
  decided,
  emptyConversation,
  isUnfinished,
  runView,
  withMessage,
  withRun,
} from './conversation'
import { type Turn, turnsOf } from './turns'

export interface Snapshot {
  turns: readonly Turn[]
  /** Whether any run of the thread has not ended. */
  status: 'idle' | 'running' | 'waiting'
  phase: 'loading' | 'ready' | 'failed'
  /** False while the connection to a running answer is lost and being made again. */
  connected: boolean
  /** What the person last tried that did not work. */
  problem: ApiProblem | null
  /** A message that is on its way to the server. */
  sending: string | null
}

const initial: Snapshot = {
  turns: [],
  status: 'idle',
  phase: 'loading',
  connected: true,
  problem: null,
  sending: null,
}

export class ConversationSession {
  readonly threadId: string
  private readonly onRunEnded: () => void
  private conversation = emptyConversation
  private shown = initial
  private readonly listeners = new Set<() => void>()
  private readonly followed = new Set<string>()
  private open = new AbortController()
  private frame: number | null = null

  constructor(threadId: string, onRunEnded: () => void) {
    this.threadId = threadId
    this.onRunEnded = onRunEnded
  }

  readonly snapshot = (): Snapshot => this.shown

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Begin; returns what ends it. Ending leaves the runs alone: they belong to the server. */
  readonly start = (): (() => void) => {
    this.open = new AbortController()
    void this.load()
    return () => {
      this.open.abort()
      this.followed.clear()
    }
  }

  readonly load = async (): Promise<void> => {
    const since = this.conversation.lostUpTo ?? 0
    const { signal } = this.open
    try {
      // Runs first: one that ends between the two answers is then still followed to its end.
      const runs = await api.listRuns(this.threadId, signal)
      const messages = await api.listMessages(this.threadId, signal)
      this.conversation = conversationOf(messages, runs)
      this.change({ phase: 'ready', problem: null })
      for (const run of runs) if (isUnfinished(run.status)) void this.follow(run.id, since)
    } catch (error) {
      if (!signal.aborted) this.change({ phase: 'failed', problem: problemFrom(error) })
    }
  }

  readonly send = async (text: string, agent: string | null): Promise<boolean> => {
    this.change({ sending: text, problem: null })
    const taken = await this.attempt(async () => {
      const run = await api.startRun({ text, agent, threadId: this.threadId })
      const input = {
        id: run.input_id ?? `input:${run.id}`,
        role: 'user' as const,
        run_id: run.id,
        parts: [{ type: 'text' as const, text }],
        created_at: run.created_at,
        status: 'complete' as const,
        metadata: {},
      }
      this.conversation = withRun(withMessage(this.conversation, input), run)
      this.change({ sending: null })
      void this.follow(run.id)
    })
    if (!taken && this.shown.problem?.status === 409) await this.showWhatIsOpen(this.shown.problem)
    return taken
  }

  /** Another page or program has begun something in this thread, which must be over first. */
  private async showWhatIsOpen({ status, code, message }: ApiProblem): Promise<void> {
    await this.load()
    if (this.shown.phase !== 'ready') return
    const hint = 'Your message was not sent: send it when this is over, or stop it.'
    this.change({ problem: new ApiProblem(status, { code, detail: message, hint }) })
  }

  readonly cancel = async (): Promise<void> => {
    const runs = Object.values(this.conversation.runs)
    const unfinished = runs.filter((run) => isUnfinished(run.status))
    await this.attempt(() => Promise.all(unfinished.map((run) => api.cancelRun(run.id))))
  }

  readonly decide = async (approvalId: string, decision: Decision): Promise<boolean> => {
    const taken = await this.attempt(async () => {
      const run = await api.resolveApproval(approvalId, decision)
      this.conversation = decided(withRun(this.conversation, run), approvalId, decision)
      this.change({ problem: null })
      if (run.status !== 'waiting') void this.follow(run.id)
    })
    const { problem } = this.shown
    if (!taken && problem?.status === 409) {
      // Somebody else has answered, or it has expired: show what came of it.
      await this.load()
      this.change({ problem })
    }
    return taken
  }

  readonly dismissProblem = (): void => {
    this.change({ problem: null })
  }

  private async follow(runId: string, since = 0): Promise<void> {
    const { signal } = this.open
    if (this.followed.has(runId)) return
    this.followed.add(runId)
    try {
      await followRun<RunEvent>(runId, {
        since: Math.max(since, runView(this.conversation, runId).lastSeq),
        signal,
        onEvent: this.receive,
        onConnection: (connected) => {
          this.change({ connected })
        },
      })
    } catch (error) {
      if (!signal.aborted) this.change({ problem: problemFrom(error) })
    } finally {
      this.followed.delete(runId)
    }
    if (signal.aborted) return
    if (this.conversation.lostUpTo !== null) await this.load()
    this.onRunEnded()
  }

  private readonly receive = (event: RunEvent): void => {
    const conversation = applyEvent(this.conversation, event)
    if (conversation === this.conversation) return
    this.conversation = conversation
    // Tokens come faster than screens draw. A hidden page draws no frames, hence the timer there.
    if (this.frame !== null) return
    const draw = (): void => {
      this.frame = null
      this.change({})
    }
    this.frame = document.hidden ? window.setTimeout(draw, 100) : requestAnimationFrame(draw)
  }

  private async attempt(act: () => Promise<unknown>): Promise<boolean> {
    try {
      await act()
      return true
    } catch (error) {
      this.change({ problem: problemFrom(error), sending: null })
      return false
    }
  }

  private change(change: Partial<Snapshot>): void {
    const turns = turnsOf(this.conversation, this.shown.turns)
    this.shown = { ...this.shown, ...change, turns, status: statusOf(this.conversation) }
    for (const listener of this.listeners) listener()
  }
}

function statusOf(conversation: Conversation): Snapshot['status'] {
  const statuses = Object.values(conversation.runs).map((run) => run.status)
  if (statuses.includes('running') || statuses.includes('queued')) return 'running'
  return statuses.includes('waiting') ? 'waiting' : 'idle'
}

function problemFrom(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  const detail = error instanceof Error ? error.message : String(error)
  return new ApiProblem(0, { detail, code: 'unexpected' })
}
