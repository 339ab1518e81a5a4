import { describe, expect, it } from 'vitest'

import type { Key } from '@/shared/api/types'

import { expiryOf, scopesOf, scopeWords, lifeWords } from './key-words'

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
    expect(scopeWords(KEY)).toBe('all that you may do')
    expect(scopeWords({ ...KEY, scopes: ['runs.*', 'threads.read'] })).toBe('runs.*, threads.read')
  })

  it('says when it was used and when it expires', () => {
    expect(lifeWords(KEY, NOW)).toBe('never used')
    const used = { ...KEY, used_at: '2026-01-30T10:00:00Z', expires_at: '2026-03-01T00:00:00Z' }
    expect(lifeWords(used, NOW)).toBe('expires 2026-03-01, used 2026-01-30')
    expect(lifeWords({ ...used, expires_at: '2026-01-31T11:59:59Z' }, NOW)).toMatch(/^expired/)
  })
})

describe('a new key', () => {
  it('has the scopes that were typed, or all', () => {
    expect(scopesOf(' runs.*, threads.read\n')).toEqual(['runs.*', 'threads.read'])
    expect(scopesOf('  ')).toBeNull()
  })

  it('lasts as many days as were typed, or for ever', () => {
    expect(expiryOf('1', NOW)).toBe('2026-02-01T12:00:00.000Z')
    for (const never of ['', '0', '-3', 'x']) expect(expiryOf(never, NOW)).toBeNull()
  })
})
