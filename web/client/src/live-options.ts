/** What the user of `Live` gives and gets. */

import type { ApiProblem } from './problem.ts'
import type { MuxiEvent } from './types.ts'

/** Opens a WebSocket to an address. */
export type Connect = (url: string) => WebSocket

export interface LiveOptions {
  /** Where the server is; by default where the page comes from. */
  baseUrl?: string
  /** An API key or another bearer token; by default the page's own session is used. */
  token?: string
  /** Called when a connection was lost (false) and when there is one (true). */
  onConnection?: (connected: boolean) => void
  /** Told what others do in the threads that are followed. */
  onPresence?: (presence: Presence) => void
  /** Called once when going on cannot help, such as after the credential was revoked. */
  onEnd?: (problem: ApiProblem) => void
  connect?: Connect
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

export interface Presence {
  thread_id: string
  user: string
  connection: string
  /** As they say it; `gone` when they have left. */
  state: string
}

export interface Subscription<Event extends MuxiEvent = MuxiEvent> {
  /** Sequence number of the last event that is already held; 0 for all events. */
  since?: number
  /** A `gap` among them says that events were left out: read its `snapshot` then. */
  onEvent: (event: Event) => void
  onProblem?: (problem: ApiProblem) => void
}

/** A message of the server. */
export interface Told {
  type: string
  id?: string | number | null
  thread_id?: string
  event?: MuxiEvent
  result?: unknown
  problem?: { status: number; detail?: string; code?: string; hint?: string }
}
