/** One connection to a server-sent event stream, over fetch; whoever calls it decides on retries. */

import { createParser, type EventSourceMessage } from 'eventsource-parser'

import { ApiProblem, problemOf, unreachable } from './problem.ts'

/** The server pings every 15 s; a connection silent for three times that is dead. */
const SILENCE_MS = 45_000

export interface StreamOptions {
  /** Sequence number of the last event that is already held. */
  since: number
  signal: AbortSignal
  silenceMs?: number
}

/** The frames of one connection, until the server ends it. Raises `ApiProblem` when it is cut. */
export async function* readStream(
  path: string,
  { since, signal, silenceMs = SILENCE_MS }: StreamOptions,
): AsyncGenerator<EventSourceMessage> {
  const connection = new AbortController()
  const abort = (): void => {
    connection.abort()
  }
  signal.addEventListener('abort', abort)
  let watchdog = setTimeout(abort, silenceMs)
  try {
    const response = await fetch(`${path}?since=${since}`, {
      headers: {
        Accept: 'text/event-stream',
        ...(since > 0 && { 'Last-Event-ID': String(since) }),
      },
      credentials: 'same-origin',
      signal: connection.signal,
    })
    if (!response.ok) throw await problemOf(response)
    if (response.body === null) throw unreachable()
    const frames: EventSourceMessage[] = []
    const parser = createParser({ onEvent: (frame) => frames.push(frame) })
    const decoder = new TextDecoder()
    const reader = response.body.getReader()
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      clearTimeout(watchdog)
      watchdog = setTimeout(abort, silenceMs)
      parser.feed(decoder.decode(chunk.value, { stream: true }))
      yield* frames.splice(0)
    }
  } catch (error) {
    if (error instanceof ApiProblem) throw error
    throw unreachable()
  } finally {
    clearTimeout(watchdog)
    signal.removeEventListener('abort', abort)
    connection.abort()
  }
}
