/** Follows the events of a run to its end, over as many connections as that takes. */

import { readStream, type StreamOptions } from './event-stream'
import { ApiProblem } from './http'
import type { RunEvent } from './types'

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000
/** After these a run's stream ends and nothing more can be expected from it. */
const LAST_EVENTS = new Set(['run.completed', 'run.suspended', 'gap'])

export interface FollowOptions {
  since: number
  signal: AbortSignal
  onEvent: (event: RunEvent) => void
  /** Called when a connection was lost (false) and when events flow again (true). */
  onConnection?: (connected: boolean) => void
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/**
 * Resolves after the run's last event, or when `signal` is aborted; rejects with `ApiProblem` only
 * when asking again cannot help (the run is gone, the browser is signed out).
 */
export async function followRun(runId: string, options: FollowOptions): Promise<void> {
  const { signal, onEvent, onConnection, sleep = wait } = options
  let since = options.since
  let failures = 0
  const receive = (event: RunEvent): void => {
    if (failures > 0) onConnection?.(true)
    failures = 0
    if (event.seq > 0 && event.seq <= since) return
    since = Math.max(since, event.seq)
    onEvent(event)
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
  receive: (event: RunEvent) => void,
): Promise<boolean> {
  try {
    for await (const frame of readStream(`/api/runs/${runId}/events`, options)) {
      const event = JSON.parse(frame.data) as RunEvent
      receive(event)
      if (LAST_EVENTS.has(event.type)) return true
    }
  } catch (error) {
    if (!options.signal.aborted && isFinal(error)) throw error
  }
  return false
}

function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiProblem)) return true
  return error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429
}

/** Half of the delay is random: many pages that lost one server do not come back in step. */
export function backOff(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1))
  return ceiling / 2 + (random() * ceiling) / 2
}

function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      globalThis.removeEventListener('online', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
    globalThis.addEventListener('online', done)
  })
}
