import { describe, expect, it } from 'vitest'

import type { Key } from '@/shared/api/types'

import { isOver, lifeWords, NEW_KEY, requestOf, scopeWords } from './key-words'

const NOW = Date.parse('2026-01-31T12:00:00Z')
const KEY: Key = {
  id: 'key_1',
  user: 'ann',
  name: 'nightly',
  prefix: 'muxi_key_default_1',
  created_at: '2026-01-01T00:00:00Z',
}

describe('words about keys', () => {
  it('says what a key is good for', () => {
    expect(scopeWords(KEY)).toBe('all that its user may do')
    expect(scopeWords({ ...KEY, scopes: ['runs.*', 'threads.read'] })).toBe('runs.*, threads.read')
  })

  it('says when it was used and when it expires', () => {
    expect(lifeWords(KEY, NOW)).toBe('never used')
    const used = { ...KEY, used_at: '2026-01-30T10:00:00Z', expires_at: '2026-03-01T00:00:00Z' }
    expect(lifeWords(used, NOW)).toBe('expires 2026-03-01, used 2026-01-30')
    expect(lifeWords({ ...used, expires_at: '2026-01-31T11:59:59Z' }, NOW)).toMatch(/^expired/)
    const replaced = { ...used, replaced_by: 'key_2' }
    expect(lifeWords(replaced, NOW)).toMatch(/^replaced, good until 2026-03-01/)
    expect(isOver(replaced, NOW)).toBe(false)
    expect(isOver(replaced, Date.parse('2026-03-02T00:00:00Z'))).toBe(true)
  })
})

describe('a new key', () => {
  it('has the scopes that were typed, or all', () => {
    const scopes = (typed: string) => requestOf({ ...NEW_KEY, scopes: typed }, NOW).scopes
    expect(scopes(' runs.*, threads.read\n')).toEqual(['runs.*', 'threads.read'])
    expect(scopes('  ')).toBeNull()
  })

  it('lasts as many days as were typed, or for ever', () => {
    const end = (days: string) => requestOf({ ...NEW_KEY, days }, NOW).expires_at
    expect(end('1')).toBe('2026-02-01T12:00:00.000Z')
    for (const never of ['', '0', '-3', 'x']) expect(end(never)).toBeNull()
  })
})
