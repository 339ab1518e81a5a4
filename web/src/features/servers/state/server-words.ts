/** What is known of an MCP server, in words for people. */

import type { LockChange, McpServer } from '@/shared/api/types'

type Tone = 'good' | 'busy' | 'bad' | 'quiet'

const STATES: Record<McpServer['state'], [string, Tone]> = {
  idle: ['Not needed yet', 'quiet'],
  connecting: ['Connecting', 'busy'],
  ready: ['Ready', 'good'],
  waiting: ['Tried again soon', 'busy'],
  failed: ['Failed', 'bad'],
  not_installed: ['Not installed', 'bad'],
  off: ['Switched off', 'quiet'],
}

export function stateWords(server: McpServer): { words: string; tone: Tone } {
  const [words, tone] = STATES[server.state]
  return { words, tone }
}

/** Facts of a server by name, without those that are not known. */
export function factsOf(server: McpServer): [string, string][] {
  const own = [server.server, server.version].filter((each) => each != null).join(' ')
  const facts: [string, string | null][] = [
    ['Where', server.target],
    ['Calls itself', own === '' ? null : own],
    ['Protocol', server.protocol ?? null],
    ['Process', server.pid == null ? null : String(server.pid)],
    ['Calls', callsOf(server)],
    ['Connected again', server.restarts === 0 ? null : times(server.restarts)],
    ['Permissions', confinement(server)],
  ]
  return facts.filter((fact): fact is [string, string] => fact[1] !== null)
}

function callsOf(server: McpServer): string | null {
  if (server.calls === 0) return null
  return server.failures === 0
    ? `${server.calls}, none broken off`
    : `${server.calls}, of which ${server.failures} broken off`
}

function confinement(server: McpServer): string | null {
  if (server.confined == null) return null
  return server.confined ? 'Declared' : 'None declared: it may do what muxi may'
}

function times(count: number): string {
  return count === 1 ? 'Once' : `${count} times`
}

const CHANGES: Record<LockChange['change'], string> = {
  new: 'New',
  changed: 'Changed',
  removed: 'Gone',
  refused: 'Refused',
}

const KINDS: Record<LockChange['kind'], string> = {
  tool: 'tool',
  prompt: 'prompt',
  resource_template: 'template',
  instructions: 'instructions',
}

export function changeWords(change: LockChange): string {
  return `${CHANGES[change.change]} ${KINDS[change.kind]}`
}

/** What a person may approve. */
export function approvable(changes: readonly LockChange[]): LockChange[] {
  return changes.filter((change) => change.change !== 'refused')
}

/** The hashes that a person has seen, with which an approval counts for just that. */
export function seenOf(changes: readonly LockChange[]): string[] {
  return changes.flatMap((change) => (change.sha256 == null ? [] : [change.sha256]))
}

export type DiffLine = { kind: 'added' | 'removed' | 'same' | 'place'; text: string }

/** The lines of a unified diff without the names of its files. */
export function diffLines(diff: string): DiffLine[] {
  return diff
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('---') && !line.startsWith('+++'))
    .map((text) => ({ kind: lineKind(text), text }))
}

function lineKind(line: string): DiffLine['kind'] {
  if (line.startsWith('@@')) return 'place'
  if (line.startsWith('+')) return 'added'
  return line.startsWith('-') ? 'removed' : 'same'
}

const ANSWERS = ['code', 'state', 'iss', 'error', 'error_description'] as const

/** What the browser came back with, of what the server wants to know. */
export function loginAnswer(query: string): Record<string, string> {
  const given = new URLSearchParams(query)
  return Object.fromEntries(
    ANSWERS.flatMap((name) => {
      const value = given.get(name)
      return value === null ? [] : [[name, value]]
    }),
  )
}
