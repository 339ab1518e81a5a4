import { describe, expect, it } from 'vitest'

import type { User } from '@/shared/api/types'

import { changesOf, draftOfUser, NEW_USER, newUserOf, userWords } from './user-words'

const ann: User = {
  id: 'ann',
  kind: 'person',
  name: 'Ann Lee',
  email: null,
  roles: ['member', 'auditor'],
  groups: ['ops'],
  disabled: false,
  has_password: true,
  created_at: '2026-11-23T12:00:00Z',
}

describe('words about users', () => {
  it('says who somebody is and what they may do', () => {
    expect(userWords(ann)).toBe('Ann Lee · member, auditor, @ops')
    expect(userWords({ ...ann, name: null, roles: [], groups: [] })).toBe('')
  })

  it('sends roles only when they were changed, and no empty texts', () => {
    const draft = draftOfUser(ann)
    expect(changesOf({ ...draft, name: '  ', roles: ['auditor', 'member'] }, ann)).toEqual({
      name: null,
      email: null,
    })
    expect(changesOf({ ...draft, email: 'ann@example.org', roles: ['member'] }, ann)).toEqual({
      name: 'Ann Lee',
      email: 'ann@example.org',
      roles: ['member'],
    })
  })

  it('gives a password to persons only', () => {
    const typed = { ...NEW_USER, id: ' ben ', password: 'correct horse' }
    expect(newUserOf(typed)).toMatchObject({ id: 'ben', password: 'correct horse' })
    expect(newUserOf({ ...typed, kind: 'service' })).toMatchObject({ password: null })
    expect(newUserOf({ ...typed, password: '' })).toMatchObject({ password: null })
  })
})
