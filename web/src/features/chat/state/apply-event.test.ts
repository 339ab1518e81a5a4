import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { someApproval, someMessage, someUsage as usage } from '@/shared/api/samples'
import type { Message, RunEvent } from '@/shared/api/types'

import { applyEvent } from './apply-event'
import { type Conversation, conversationOf, emptyConversation } from './conversation'
import { turnsOf } from './turns'

/** What a script says of an event: everything but the run and the number that the server gives. */
type Bare = RunEvent extends infer Each
  ? Each extends RunEvent
    ? Omit<Each, 'run_id' | 'seq'>
    : never
  : never

function numbered(bare: readonly Bare[], from = 1): RunEvent[] {
  return bare.map((event, index) => ({ ...event, run_id: 'run_1', seq: from + index }))
}

function fold(events: readonly RunEvent[], state: Conversation = emptyConversation): Conversation {
  return events.reduce(applyEvent, state)
}

function message(
  id: string,
  parts: Message['parts'],
  role: Message['role'] = 'assistant',
): Message {
  return someMessage({ id, role, parts, author: 'guide', run_id: 'run_1' })
}

const started: Bare = { type: 'run.started', thread_id: 'thr_1', agent: 'guide' }
const completed: Bare = {
  type: 'run.completed',
  status: 'completed',
  text: '',
  output: null,
  usage,
}

function answer(id: string, pieces: readonly string[]): Bare[] {
  const text = pieces.join('')
  return [
    { type: 'message.started', message_id: id, role: 'assistant', author: 'guide' },
    ...pieces.map((piece): Bare => ({ type: 'text.delta', index: 0, text: piece })),
    { type: 'message.completed', message: message(id, [{ type: 'text', text }]) },
  ]
}

function call(id: string, callId: string): Bare[] {
  const result = {
    type: 'tool_result' as const,
    call_id: callId,
    name: 'calculator',
    content: [{ type: 'text' as const, text: '391' }],
    outcome: 'ok' as const,
  }
  const asked = { expression: '17*23' }
  return [
    { type: 'message.started', message_id: id, role: 'assistant' },
    { type: 'tool_call.started', index: 0, call_id: callId, name: 'calculator' },
    { type: 'tool_call.delta', index: 0, call_id: callId, text: '{"expression":' },
    { type: 'tool_call.delta', index: 0, call_id: callId, text: '"17*23"}' },
    {
      type: 'message.completed',
      message: message(id, [
        { type: 'tool_call', id: callId, name: 'calculator', arguments: asked },
      ]),
    },
    { type: 'tool.started', call_id: callId, name: 'calculator', arguments: asked },
    { type: 'tool.completed', result, seconds: 0.25, replayed: false },
    { type: 'message.completed', message: message(`${id}r`, [result], 'tool') },
  ]
}

/** Whole runs: some tool calls, an answer in some pieces, perhaps a crash in the middle of one. */
const runs = fc
  .record({
    calls: fc.nat({ max: 3 }),
    lost: fc.option(fc.array(fc.string(), { maxLength: 4 })),
    pieces: fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 8 }),
    firstSeq: fc.integer({ min: 1, max: 10_000 }),
  })
  .map(({ calls, lost, pieces, firstSeq }) => {
    const before = Array.from({ length: calls }, (_, at) => call(`m${at}`, `c${at}`)).flat()
    const crash: Bare[] =
      lost === null
        ? []
        : [
            ...answer('lost', lost).slice(0, -1),
            { type: 'attempt.started', attempt: 2, replaces_from: firstSeq + before.length },
          ]
    const bare = [started, ...before, ...crash, ...answer('last', pieces), completed]
    return { events: numbered(bare, firstSeq), text: pieces.join('') }
  })

describe('applyEvent', () => {
  it('puts the deltas of an answer together', () => {
    const events = numbered([started, ...answer('m1', ['Hel', 'lo'])])
    const [turn] = turnsOf(fold(events.slice(0, -1)))
    expect(turn?.blocks).toMatchObject([{ kind: 'text', text: 'Hello', streaming: true }])
    const [done] = turnsOf(fold(events))
    expect(done?.blocks).toMatchObject([{ kind: 'text', text: 'Hello', streaming: false }])
  })

  it('keeps reasoning and text apart, in the order of their index', () => {
    const state = fold(
      numbered([
        started,
        { type: 'message.started', message_id: 'm1', role: 'assistant' },
        { type: 'text.delta', index: 1, text: 'B' },
        { type: 'reasoning.delta', index: 0, text: 'A' },
      ]),
    )
    expect(turnsOf(state)[0]?.blocks.map((block) => block.kind)).toEqual(['reasoning', 'text'])
  })

  it('shows a call while it is written, while it runs and when it is done', () => {
    const events = numbered([started, ...call('m1', 'c1')])
    const block = (upTo: number) => turnsOf(fold(events.slice(0, upTo)))[0]?.blocks[0]
    expect(block(4)).toMatchObject({
      kind: 'tool',
      argumentsText: '{"expression":',
      arguments: null,
    })
    expect(block(7)).toMatchObject({ arguments: { expression: '17*23' }, result: null })
    expect(block(8)).toMatchObject({ activity: { seconds: 0.25 }, result: { outcome: 'ok' } })
  })

  it('asks for approval until it is resolved', () => {
    const approval = someApproval({ id: 'apr_1', call_id: 'c1' })
    const second = someApproval({ id: 'apr_2', call_id: 'c1' })
    const general = someApproval({ id: 'apr_3', call_id: '' })
    const asked = fold(
      numbered([
        started,
        ...call('m1', 'c1').slice(0, 5),
        { type: 'approval.requested', approval },
        { type: 'run.suspended', approvals: [approval, second, general], usage },
      ]),
    )
    expect(asked.runs.run_1?.status).toBe('waiting')
    expect(asked.approvals.c1).toEqual([
      { approval, decision: null },
      { approval: second, decision: null },
    ])
    expect(turnsOf(asked)[0]?.approvals).toEqual([{ approval: general, decision: null }])
    const resolved = applyEvent(asked, {
      type: 'approval.resolved',
      approval_id: 'apr_1',
      call_id: 'c1',
      decision: { decision: 'deny', answer: null, remember: false },
      run_id: 'run_1',
      seq: 99,
    })
    expect(resolved.approvals.c1?.map(({ decision }) => decision?.decision)).toEqual([
      'deny',
      undefined,
    ])
  })

  it('tells how a run failed', () => {
    const problem = { code: 'model_timeout', message: 'Too late.', details: {} }
    const state = fold(numbered([started, { ...completed, status: 'failed', problem }]))
    expect(turnsOf(state)[0]?.run).toMatchObject({ status: 'failed', problem })
  })

  it('drops the unfinished text of an attempt that was replaced', () => {
    const events = numbered([
      started,
      ...answer('lost', ['half an ans']).slice(0, -1),
      { type: 'attempt.started', attempt: 2, replaces_from: 2 },
      ...answer('m2', ['The answer']),
      completed,
    ])
    const texts = turnsOf(fold(events)).flatMap((turn) => turn.blocks)
    expect(texts).toMatchObject([{ kind: 'text', text: 'The answer' }])
  })

  it('asks for the thread anew when events were lost, and says from where to go on', () => {
    const snapshot = '/api/threads/thr_1/messages'
    const gap: RunEvent = {
      type: 'gap',
      run_id: 'run_1',
      seq: 0,
      from_seq: 40,
      thread_id: 'thr_1',
      snapshot,
    }
    expect(applyEvent(emptyConversation, gap).lostUpTo).toBe(39)
  })

  it('ignores kinds of events that it does not know, and remembers their number', () => {
    const unknown = { type: 'memory.recalled', run_id: 'run_1', seq: 7 } as unknown as RunEvent
    const state = applyEvent(emptyConversation, unknown)
    expect(state.messages).toEqual([])
    expect(state.runs.run_1?.lastSeq).toBe(7)
  })

  it('does not care how often a stream is read again, and from where', () => {
    fc.assert(
      fc.property(runs, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 4 }), (run, breaks) => {
        const { events } = run
        let state = emptyConversation
        for (const [to, back] of breaks) {
          const end = to % (events.length + 1)
          state = fold(
            events.slice(end - (back % (end + 1)), end),
            fold(events.slice(0, end), state),
          )
        }
        expect(fold(events, state)).toEqual(fold(events))
      }),
    )
  })

  it('ends with what the thread holds, whatever was streamed before', () => {
    fc.assert(
      fc.property(runs, fc.nat(), ({ events, text }, cut) => {
        const streamed = fold(events)
        const stored = conversationOf(streamed.messages, [])
        const reloaded = fold(events.slice(cut % events.length), stored)
        expect(reloaded.messages).toEqual(streamed.messages)
        expect(streamed.drafts).toEqual({})
        const shown = turnsOf(streamed).flatMap((turn) => turn.blocks)
        expect(shown.at(-1)).toMatchObject(text === '' ? {} : { kind: 'text', text })
      }),
    )
  })

  it('never changes the state that it was given', () => {
    fc.assert(
      fc.property(runs, ({ events }) => {
        let state = emptyConversation
        for (const event of events) {
          const before = structuredClone(state)
          const after = applyEvent(state, event)
          expect(state).toEqual(before)
          state = after
        }
      }),
    )
  })
})
