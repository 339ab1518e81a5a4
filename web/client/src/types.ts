/** What goes over the wire, as far as this client looks at it; the rest is passed on as it came. */

/** Anything that happens in a run. `seq` is its place in the thread; 0 for a notice without one. */
export interface MuxiEvent {
  type: string
  run_id: string
  seq: number
}

/** A run as the server tells of it. */
export interface Run {
  id: string
  thread_id: string
  status: string
}

/** What begins a run: `input` is a text or a list of parts. */
export interface StartRun {
  input: string | readonly object[]
  thread_id?: string
  agent?: string
  parent_id?: string
}

/** A person's answer to a question of a run. */
export interface Decision {
  decision: 'approve' | 'deny' | 'answer'
  arguments?: object
  answer?: unknown
  remember?: boolean
  reason?: string
}
