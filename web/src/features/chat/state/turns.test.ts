import { describe, expect, it } from 'vitest'

import type { Message, Run } from '@/shared/api/types'

import { applyEvent } from './apply-event'
import { conversationOf } from './conversation'
import { titleFrom } from './title'
import { summaryOf } from './tool-outcome'
import { turnsOf } from './turns'

const question: Message = {
  id: 'm1',
  role: 'user',
  run_id: 'run_1',
  parts: [{ type: 'text', text: 'Hello?' }],
}
const reply: Message = {
  id: 'm2',
  role: 'assistant',
  author: 'guide',
  run_id: 'run_1',
  parts: [{ type: 'text', text: 'Hello.' }],
}
const later: Message = { ...question, id: 'm3', run_id: 'run_2' }

function run(id: string, change: Partial<Run>): Run {
  return { id, thread_id: 'thr_1', agent: 'guide', status: 'completed', ...change }
}

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
      [run('run_2', { status: 'running', input_id: 'm3' })],
    )
    const before = turnsOf(state)
    const delta = { type: 'text.delta', index: 0, text: 'Hi', run_id: 'run_2', seq: 5 } as const
    const after = turnsOf(applyEvent(state, delta), before)
    expect(after[0]).toBe(before[0])
    expect(after[1]).not.toBe(before[1])
  })

  it('shows the end of a run that failed before its first message, after a reload', () => {
    const problem = { code: 'model_key_missing', message: 'No key.' }
    const failed = run('run_2', { status: 'failed', input_id: 'm3', problem })
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
