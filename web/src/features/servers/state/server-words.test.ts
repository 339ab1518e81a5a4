import { describe, expect, it } from 'vitest'

import type { LockChange, McpServer } from '@/shared/api/types'

import {
  approvable,
  changeWords,
  diffLines,
  factsOf,
  loginAnswer,
  seenOf,
  stateWords,
} from './server-words'

const SERVER: McpServer = {
  name: 'time',
  transport: 'stdio',
  target: 'mcp-server-time',
  state: 'ready',
  detail: '',
  personal: false,
  restarts: 0,
  calls: 0,
  failures: 0,
  tools: [],
  held_back: 0,
  refused: {},
  notes: [],
}

function change(more: Partial<LockChange>): LockChange {
  return {
    server: 'time',
    kind: 'tool',
    name: 'now',
    change: 'changed',
    diff: '',
    findings: [],
    ...more,
  }
}

describe('a server in words', () => {
  it('says only what is known', () => {
    expect(factsOf(SERVER)).toEqual([['Where', 'mcp-server-time']])
    const busy = { ...SERVER, calls: 3, failures: 1, restarts: 2, confined: false, server: 'T' }
    expect(factsOf(busy)).toEqual([
      ['Where', 'mcp-server-time'],
      ['Calls itself', 'T'],
      ['Calls', '3, of which 1 broken off'],
      ['Connected again', '2 times'],
      ['Permissions', 'None declared: it may do what muxi may'],
    ])
  })

  it('tells a server that failed from one that nobody needed', () => {
    expect(stateWords({ ...SERVER, state: 'failed' }).tone).toBe('bad')
    expect(stateWords({ ...SERVER, state: 'idle' }).tone).toBe('quiet')
  })
})

describe('changes of what is trusted', () => {
  it('are approved as they were seen, and never what can never be', () => {
    const changes = [
      change({ sha256: 'a' }),
      change({ change: 'refused', sha256: 'b' }),
      change({ change: 'removed' }),
    ]
    expect(approvable(changes)).toHaveLength(2)
    expect(seenOf(approvable(changes))).toEqual(['a'])
  })

  it('have words for what happened to what', () => {
    expect(changeWords(change({ change: 'removed', kind: 'prompt' }))).toBe('Gone prompt')
  })

  it('show the lines of a diff without the names of files', () => {
    const lines = diffLines('--- locked\n+++ offered\n@@ -1 +1 @@\n-old\n+new\n same\n')
    expect(lines.map((line) => line.kind)).toEqual(['place', 'removed', 'added', 'same'])
  })
})

describe('coming back from a sign-in', () => {
  it('takes what the protocol names and nothing else', () => {
    expect(loginAnswer('?code=1&state=2&evil=3')).toEqual({ code: '1', state: '2' })
  })
})
