/**
 * Many threads over one WebSocket, over as many connections as that takes: events come each once
 * and in order, what was said and not answered is said again, and a run is never begun twice.
 */

import { backOff, wait } from './back-off.ts'
import { Commands } from './commands.ts'
import type { LiveOptions, Presence, Subscription, Told } from './live-options.ts'
import { ApiProblem, isFinal, unreachable } from './problem.ts'
import { Server } from './server.ts'
import type { Decision, MuxiEvent, Run, StartRun } from './types.ts'

/** The server pings every 15 s on its own level; what is silent for three of our own is dead. */
const PING_MS = 20_000
const REFUSED = new Set([4401, 4403])

interface Followed {
  since: number
  subscription: Subscription
  presence: string | null
}

export class Live {
  private readonly options: LiveOptions
  private readonly followed = new Map<string, Followed>()
  private readonly commands = new Commands((text) => {
    this.socket?.send(text)
  })
  private readonly closing = new AbortController()
  private socket: WebSocket | null = null
  private readonly server: Server

  constructor(options: LiveOptions = {}) {
    this.options = options
    this.server = new Server(options.baseUrl, options.token, this.closing.signal)
    void this.run()
  }

  /** Ends the connection for good. */
  close(): void {
    this.closing.abort()
    this.socket?.close(1000)
    this.commands.fail(new ApiProblem(0, { detail: 'The connection was closed.', code: 'closed' }))
  }

  /** Follow a thread; returns what ends that. A thread is followed once at a time. */
  subscribe<Event extends MuxiEvent>(
    threadId: string,
    subscription: Subscription<Event>,
  ): () => void {
    const followed: Followed = {
      since: subscription.since ?? 0,
      subscription: subscription as unknown as Subscription,
      presence: null,
    }
    this.followed.set(threadId, followed)
    this.follow(threadId, followed)
    return () => {
      if (this.followed.get(threadId) !== followed) return
      this.followed.delete(threadId)
      this.commands.tell('unsubscribe', { thread_id: threadId })
    }
  }

  /** Say something: begins a run, in a new thread if none is named. */
  send(start: StartRun): Promise<Run> {
    const run = { id: newRunId(), ...start }
    return this.commands.say<Run>('send', { run, subscribe: false })
  }

  /** Answer a question of a run. */
  approve(approvalId: string, decision: Decision): Promise<Run> {
    return this.commands.say<Run>('approve', { approval_id: approvalId, decision })
  }

  /** Stop a run; what it has said is kept. */
  cancel(runId: string): Promise<Run> {
    return this.commands.say<Run>('cancel', { run_id: runId })
  }

  /** Tell the others who follow a thread what the user is doing. */
  async setPresence(threadId: string, state: string): Promise<void> {
    await this.commands.say('presence', { thread_id: threadId, state })
    const followed = this.followed.get(threadId)
    if (followed !== undefined) followed.presence = state
  }

  /** Resolves when the server has answered. */
  async ping(): Promise<void> {
    await this.commands.say('ping', {})
  }

  /** Go on under another credential of the same user, on this connection and the next ones. */
  async renew(token: string): Promise<void> {
    await this.commands.say('renew', { token })
    this.server.token = token
  }

  private async run(): Promise<void> {
    const { signal } = this.closing
    const { sleep = wait, onConnection } = this.options
    let failures = 0
    while (!signal.aborted) {
      try {
        await this.connection(() => {
          failures = 0
          onConnection?.(true)
        })
      } catch (error) {
        if (isFinal(error)) {
          this.end(error instanceof ApiProblem ? error : unreachable())
          return
        }
      }
      this.socket = null
      if (failures++ === 0) onConnection?.(false)
      await sleep(backOff(failures), signal)
    }
  }

  /** One connection, from its ticket to its end. */
  private async connection(ready: () => void): Promise<void> {
    const { connect = (url: string) => new WebSocket(url) } = this.options
    const socket = connect(await this.server.address())
    let heard = Date.now()
    const watch = setInterval(() => {
      if (Date.now() - heard > 3 * PING_MS) socket.close()
      else this.commands.tell('ping', {})
    }, PING_MS)
    try {
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => {
          socket.close(1000)
          resolve()
        }
        this.closing.signal.addEventListener('abort', abort)
        socket.addEventListener('message', ({ data }) => {
          heard = Date.now()
          const told = JSON.parse(String(data)) as Told
          if (told.type === 'ready') {
            this.socket = socket
            ready()
            void this.resume()
          } else {
            this.hear(told)
          }
        })
        socket.addEventListener('close', ({ code, reason }) => {
          this.closing.signal.removeEventListener('abort', abort)
          if (REFUSED.has(code)) reject(new ApiProblem(code - 4000, { detail: reason }))
          else resolve()
        })
      })
    } finally {
      clearInterval(watch)
    }
  }

  /** Follow again what was followed, and say again what was not answered. */
  private async resume(): Promise<void> {
    for (const [threadId, followed] of this.followed) this.follow(threadId, followed)
    await this.commands.resume(async (runId) => {
      try {
        return await this.server.request('GET', `/api/runs/${runId}`)
      } catch (error) {
        return error instanceof ApiProblem && error.status === 404 ? null : undefined
      }
    })
  }

  private follow(threadId: string, followed: Followed): void {
    const { since, presence } = followed
    this.commands.tell('subscribe', { id: `thread:${threadId}`, thread_id: threadId, since })
    if (presence !== null) this.commands.tell('presence', { thread_id: threadId, state: presence })
  }

  private hear(told: Told): void {
    if (told.type === 'event') this.take(told.thread_id ?? '', told.event)
    else if (told.type === 'presence') this.options.onPresence?.(told as unknown as Presence)
    else if (told.type === 'unsubscribed') {
      const threadId = told.thread_id ?? ''
      const followed = this.followed.get(threadId)
      if (followed !== undefined) this.follow(threadId, followed)
    } else if (told.type === 'reply') this.commands.answer(told.id, told.result)
    else if (told.type === 'error' && told.problem !== undefined) {
      const problem = new ApiProblem(told.problem.status, told.problem)
      if (typeof told.id === 'string') this.refuse(told.id.replace(/^thread:/, ''), problem)
      else this.commands.refuse(told.id, problem)
    }
  }

  private take(threadId: string, event: MuxiEvent | undefined): void {
    const followed = this.followed.get(threadId)
    if (followed === undefined || event === undefined) return
    if (event.seq > 0 && event.seq <= followed.since) return
    followed.since = Math.max(followed.since, event.seq)
    followed.subscription.onEvent(event)
  }

  private refuse(threadId: string, problem: ApiProblem): void {
    const followed = this.followed.get(threadId)
    this.followed.delete(threadId)
    followed?.subscription.onProblem?.(problem)
  }

  private end(problem: ApiProblem): void {
    this.closing.abort()
    this.commands.fail(problem)
    this.options.onEnd?.(problem)
  }
}

/** Ids sort by time, as those of the server; made here, so that a run can be looked for by it. */
function newRunId(): string {
  const random = crypto.getRandomValues(new Uint8Array(10))
  const digits = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `run_${Date.now().toString(16).padStart(12, '0')}${digits}`
}
