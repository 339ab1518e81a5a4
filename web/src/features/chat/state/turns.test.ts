import { describe, expect, it } from 'vitest'

import { someMessage, someRun, someUsage } from '@/shared/api/samples'
import type { Message } from '@/shared/api/types'

import { applyEvent } from './apply-event'
import { conversationOf } from './conversation'
import { titleFrom } from './title'
import { summaryOf } from './tool-outcome'
import { turnsOf } from './turns'
import { usageWords } from './usage-words'

const question = someMessage({
  id: 'm1',
  role: 'user',
  run_id: 'run_1',
  parts: [{ type: 'text', text: 'Hello?' }],
})
const reply = someMessage({
  id: 'm2',
  role: 'assistant',
  author: 'guide',
  run_id: 'run_1',
  parts: [{ type: 'text', text: 'Hello.' }],
})
const later: Message = { ...question, id: 'm3', run_id: 'run_2' }

describe('turnsOf', () => {
  it('puts question and answer into one turn', () => {
    expect(turnsOf(conversationOf([question, reply, later], []))).toMatchObject([
      { key: 'm1', author: 'guide', blocks: [{ text: 'Hello.' }] },
      { key: 'm3', blocks: [] },
    ])
  })

  it('keeps the objects of turns that did not change', () => {
    const state = conversationOf(
      [question, reply, later],
      [someRun({ id: 'run_2', status: 'running', input_id: 'm3' })],
    )
    const before = turnsOf(state)
    const delta = { type: 'text.delta', index: 0, text: 'Hi', run_id: 'run_2', seq: 5 } as const
    const after = turnsOf(applyEvent(state, delta), before)
    expect(after[0]).toBe(before[0])
    expect(after[1]).not.toBe(before[1])
  })

  it('shows the end of a run that failed before its first message, after a reload', () => {
    const problem = { code: 'model_key_missing', message: 'No key.', details: {} }
    const failed = someRun({ id: 'run_2', status: 'failed', input_id: 'm3', problem })
    const turns = turnsOf(conversationOf([question, reply, later], [failed]))
    expect(turns).toHaveLength(2)
    expect(turns[1]?.run).toMatchObject({ problem })
  })

  it('marks an answer that was cut short', () => {
    const cut: Message = { ...reply, status: 'partial' }
    expect(turnsOf(conversationOf([question, cut], []))[0]?.partial).toBe(true)
  })
})

describe('titleFrom', () => {
  it('takes the first words of a message', () => {
    expect(titleFrom('  What is\n17*23? ')).toBe('What is 17*23?')
    expect(titleFrom('word '.repeat(40))).toBe(`${'word '.repeat(11).trim()} word…`)
    expect(titleFrom('x'.repeat(200))).toHaveLength(61)
  })
})

describe('summaryOf', () => {
  it('says what a tool was asked in one line', () => {
    const block = turnsOf(
      conversationOf(
        [
          question,
          {
            ...reply,
            parts: [
              { type: 'tool_call', id: 'c1', name: 'add', arguments: { text: 'a\n b', n: 2 } },
            ],
          },
        ],
        [],
      ),
    )[0]?.blocks[0]
    expect(block?.kind === 'tool' && summaryOf(block)).toBe('a b, 2')
  })
})

describe('usageWords', () => {
  it('tells an unknown price from none', () => {
    expect(usageWords(someUsage)).toBe('8 tokens')
    expect(usageWords({ ...someUsage, input_tokens: 0, output_tokens: 0 })).toBe('')
    expect(usageWords({ ...someUsage, cost: null })).toBe('8 tokens · price unknown')
    expect(usageWords({ ...someUsage, cost: '0.00123' })).toBe('8 tokens · $0.0012')
    expect(usageWords({ ...someUsage, input_tokens: 12_000, cost: '1.5' })).toBe(
      '12,005 tokens · $1.50',
    )
  })
})
