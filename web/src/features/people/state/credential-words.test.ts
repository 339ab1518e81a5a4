import { expect, test } from 'vitest'

import type { CredentialInfo } from '@/shared/api/types'

import { credentialWords, helpAddress } from './credential-words'

const NOTES: CredentialInfo = { name: 'NOTES', kind: 'secret', title: 'Notes', required: false }

test('a credential says whether it is there and what is done without it', () => {
  expect(credentialWords(NOTES)).toMatch(/the project’s own/)
  expect(credentialWords({ ...NOTES, required: true })).toBe('Needed, and not set')
  expect(credentialWords({ ...NOTES, updated_at: '2026-03-04T05:06:07Z' })).toBe(
    'Set on 2026-03-04',
  )
  expect(credentialWords({ ...NOTES, kind: 'login' })).toBe('Not signed in')
})

test('help is a link only if it is an address', () => {
  expect(helpAddress('https://example.org/tokens')).toBe('https://example.org/tokens')
  expect(helpAddress('Ask the librarian.')).toBeNull()
  expect(helpAddress('javascript:alert(1)')).toBeNull()
})
