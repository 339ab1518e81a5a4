import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { backOff } from './back-off.ts'
import { followRun } from './follow-run.ts'
import { ApiProblem } from './problem.ts'
import type { MuxiEvent } from './types.ts'

type Connection = (response: ServerResponse, lastEventId: string | undefined) => void

let server: Server
let connections: Connection[]
let asked: (string | undefined)[]
const realFetch = globalThis.fetch

function frame(seq: number, type = 'text.delta'): string {
  const data = JSON.stringify({ type, index: 0, text: String(seq), run_id: 'run_1', seq })
  return `id: ${seq}\r\nevent: ${type}\r\ndata: ${data}\r\n\r\n`
}

beforeEach(async () => {
  connections = []
  asked = []
  server = createServer((request, response) => {
    const last = request.headers['last-event-id']
    asked.push(typeof last === 'string' ? last : undefined)
    const act = connections.shift()
    if (act === undefined) response.writeHead(500).end()
    else act(response, asked.at(-1))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  vi.stubGlobal('fetch', (path: string, options: RequestInit) =>
    realFetch(`http://127.0.0.1:${port}${path}`, options),
  )
})

afterEach(() => {
  vi.unstubAllGlobals()
  server.closeAllConnections()
  server.close()
})

async function follow(since = 0): Promise<{ seqs: number[]; connected: boolean[] }> {
  const seqs: number[] = []
  const connected: boolean[] = []
  await followRun('run_1', {
    since,
    signal: new AbortController().signal,
    onEvent: (event: MuxiEvent) => seqs.push(event.seq),
    onConnection: (state) => connected.push(state),
    sleep: () => Promise.resolve(),
  })
  return { seqs, connected }
}

const send =
  (...frames: string[]): Connection =>
  (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.end(frames.join(''))
  }

const cut =
  (...frames: string[]): Connection =>
  (response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write(frames.join(''), () => response.destroy())
  }

describe('followRun', () => {
  it('gives every event once, in order, over cut connections', async () => {
    connections = [
      cut(frame(1), ': ping\n\n', frame(2)),
      (response) => response.writeHead(503).end('not JSON'),
      cut(frame(2), frame(3)),
      send(frame(2), frame(4), frame(5, 'run.completed')),
    ]
    const { seqs, connected } = await follow()
    expect(seqs).toEqual([1, 2, 3, 4, 5])
    expect(asked).toEqual([undefined, '2', '2', '3'])
    expect(connected).toEqual([false, true, false, true])
  })

  it('goes on after the last event that the reader has', async () => {
    connections = [send(frame(8), frame(9, 'run.suspended'))]
    expect((await follow(7)).seqs).toEqual([8, 9])
    expect(asked).toEqual(['7'])
  })

  it('asks again when the server ends a stream too early', async () => {
    connections = [send(frame(1)), send(frame(2, 'run.completed'))]
    expect((await follow()).seqs).toEqual([1, 2])
  })

  it('gives up when asking again cannot help', async () => {
    const problem = { detail: 'There is no such run.', code: 'not_found', hint: 'Look again.' }
    connections = [(response) => response.writeHead(404).end(JSON.stringify(problem))]
    const failure: unknown = await follow().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApiProblem)
    expect(failure).toMatchObject({ status: 404, code: 'not_found', hint: 'Look again.' })
  })

  it('ends quietly when its reader leaves', async () => {
    const reader = new AbortController()
    connections = [(response) => response.writeHead(200).write(frame(1))]
    const seqs: number[] = []
    await followRun('run_1', {
      since: 0,
      signal: reader.signal,
      onEvent: ({ seq }) => {
        seqs.push(seq)
        reader.abort()
      },
    })
    expect(seqs).toEqual([1])
    expect(asked).toHaveLength(1)
  })
})

describe('backOff', () => {
  it('grows to ten seconds and never comes in step', () => {
    expect(backOff(1, () => 0)).toBe(125)
    expect(backOff(1, () => 1)).toBe(250)
    expect(backOff(4, () => 1)).toBe(2000)
    expect(backOff(50, () => 1)).toBe(10_000)
    expect(backOff(50, () => 0)).toBe(5000)
  })
})
