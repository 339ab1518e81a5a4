/** Follows the events of a run to its end, over as many connections as that takes. */

import { backOff, wait } from './back-off.ts'
import { readStream, type StreamOptions } from './event-stream.ts'
import { isFinal } from './problem.ts'
import type { MuxiEvent } from './types.ts'

/** After these a run's stream ends and nothing more can be expected from it. */
const LAST_EVENTS = new Set(['run.completed', 'run.suspended', 'gap'])

export interface FollowOptions<Event extends MuxiEvent> {
  /** Sequence number of the last event that is already held. */
  since: number
  signal: AbortSignal
  onEvent: (event: Event) => void
  /** Called when a connection was lost (false) and when events flow again (true). */
  onConnection?: (connected: boolean) => void
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/**
 * Resolves after the run's last event, or when `signal` is aborted; rejects with `ApiProblem` only
 * when asking again cannot help (the run is gone, the browser is signed out).
 */
export async function followRun<Event extends MuxiEvent = MuxiEvent>(
  runId: string,
  options: FollowOptions<Event>,
): Promise<void> {
  const { signal, onEvent, onConnection, sleep = wait } = options
  let since = options.since
  let failures = 0
  const receive = (event: MuxiEvent): void => {
    if (failures > 0) onConnection?.(true)
    failures = 0
    if (event.seq > 0 && event.seq <= since) return
    since = Math.max(since, event.seq)
    // Which kinds there are is known to the reader.
    onEvent(event as Event)
  }
  for (;;) {
    if (await readOnce(runId, { since, signal }, receive)) return
    if (signal.aborted) return
    if (failures++ === 0) onConnection?.(false)
    await sleep(backOff(failures), signal)
  }
}

/** One connection's worth of events. Whether the run's last event was among them. */
async function readOnce(
  runId: string,
  options: StreamOptions,
  receive: (event: MuxiEvent) => void,
): Promise<boolean> {
  try {
    for await (const frame of readStream(`/api/runs/${runId}/events`, options)) {
      const event = JSON.parse(frame.data) as MuxiEvent
      receive(event)
      if (LAST_EVENTS.has(event.type)) return true
    }
  } catch (error) {
    if (!options.signal.aborted && isFinal(error)) throw error
  }
  return false
}
