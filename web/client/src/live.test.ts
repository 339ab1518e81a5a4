import { afterEach, beforeEach, expect, it } from 'vitest'

import { Live } from './live.ts'
import type { LiveOptions, Presence } from './live-options.ts'
import type { ApiProblem } from './problem.ts'
import type { MuxiEvent } from './types.ts'

/** The server's side of a connection. */
class Wire extends EventTarget {
  readonly said: Record<string, unknown>[] = []
  private heard: () => void = () => undefined

  send(text: string): void {
    this.said.push(JSON.parse(text) as Record<string, unknown>)
    this.heard()
  }

  close(code = 1005): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason: 'Closed.' }))
  }

  tell(message: object): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(message) }))
  }

  /** The next command of a type. */
  async command(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const found = this.said.findIndex((each) => each.type === type)
      if (found >= 0) return this.said.splice(found, 1)[0] ?? {}
      await new Promise<void>((resolve) => (this.heard = resolve))
    }
  }
}

let wires: Wire[]
let live: Live
let arrived: () => void

function open(options: Partial<LiveOptions> = {}): void {
  live = new Live({
    baseUrl: 'http://muxi.test',
    sleep: () => Promise.resolve(),
    connect: () => {
      const wire = new Wire()
      wires.push(wire)
      queueMicrotask(() => {
        wire.tell({ type: 'ready' })
        arrived()
      })
      return wire as unknown as WebSocket
    },
    ...options,
  })
}

/** The connection of that number, once there is one. */
async function wire(number: number): Promise<Wire> {
  while (wires.length < number) await new Promise<void>((resolve) => (arrived = resolve))
  return wires[number - 1] as Wire
}

beforeEach(() => {
  wires = []
  arrived = () => undefined
})

afterEach(() => {
  live.close()
})

const event = (seq: number, type = 'text.delta'): object => ({
  type: 'event',
  thread_id: 'thr_1',
  event: { type, seq, run_id: 'run_1' },
})

it('follows a thread over connections that break, each event once', async () => {
  const states: boolean[] = []
  open({ onConnection: (connected) => states.push(connected) })
  const seqs: number[] = []
  live.subscribe('thr_1', { since: 3, onEvent: ({ seq }: MuxiEvent) => seqs.push(seq) })
  const first = await wire(1)
  expect(await first.command('subscribe')).toMatchObject({ thread_id: 'thr_1', since: 3 })
  for (const seq of [4, 5, 5]) first.tell(event(seq))
  first.close()
  const second = await wire(2)
  expect(await second.command('subscribe')).toMatchObject({ since: 5 })
  for (const seq of [5, 6]) second.tell(event(seq))
  second.tell({ type: 'unsubscribed', thread_id: 'thr_1', since: 6 })
  expect(await second.command('subscribe')).toMatchObject({ since: 6 })
  second.tell(event(0, 'gap'))
  expect(seqs).toEqual([4, 5, 6, 0])
  expect(states).toEqual([true, false, true])
})

it('says again what was not answered', async () => {
  open()
  const first = await wire(1)
  const cancelled = live.cancel('run_1')
  await first.command('cancel')
  first.close()
  const second = await wire(2)
  const { id } = await second.command('cancel')
  second.tell({ type: 'reply', id, result: { id: 'run_1', status: 'cancelled' } })
  expect(await cancelled).toMatchObject({ status: 'cancelled' })
})

it('raises what the server refuses', async () => {
  open()
  const first = await wire(1)
  const approved = live.approve('apr_1', { decision: 'approve' }).catch((error: unknown) => error)
  const { id } = await first.command('approve')
  first.tell({ type: 'error', id, problem: { status: 409, code: 'conflict', detail: 'Too late.' } })
  expect(await approved).toMatchObject({ status: 409, code: 'conflict', message: 'Too late.' })
  const problems: ApiProblem[] = []
  live.subscribe('thr_9', { onEvent: () => undefined, onProblem: (each) => problems.push(each) })
  const asked = await first.command('subscribe')
  first.tell({ type: 'error', id: asked.id, problem: { status: 404, code: 'not_found' } })
  expect(problems.map(({ code }) => code)).toEqual(['not_found'])
})

it('tells and repeats presence', async () => {
  const seen: Presence[] = []
  open({ onPresence: (presence) => seen.push(presence) })
  live.subscribe('thr_1', { onEvent: () => undefined })
  const first = await wire(1)
  const told = live.setPresence('thr_1', 'typing')
  const { id } = await first.command('presence')
  first.tell({ type: 'reply', id, result: {} })
  await told
  first.tell({ type: 'presence', thread_id: 'thr_1', user: 'ann', connection: 'c', state: 'here' })
  first.close()
  const second = await wire(2)
  expect(await second.command('presence')).toMatchObject({ state: 'typing' })
  expect(seen.map(({ user }) => user)).toEqual(['ann'])
})

it('gives up when its credential is revoked', async () => {
  const ended = new Promise<ApiProblem>((resolve) => {
    open({ onEnd: resolve })
  })
  const first = await wire(1)
  const pinged = live.ping().catch((error: unknown) => error)
  first.close(4401)
  expect((await ended).status).toBe(401)
  expect(await pinged).toMatchObject({ status: 401 })
  await expect(live.ping()).rejects.toMatchObject({ status: 401 })
  expect(wires).toHaveLength(1)
})
