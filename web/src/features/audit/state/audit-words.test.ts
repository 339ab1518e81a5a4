import { describe, expect, it } from 'vitest'

import type { AuditEntry, AuditReport } from '@/shared/api/types'

import { aboutWords, reportWords, signedWords, whoWords } from './audit-words'

const ENTRY: AuditEntry = {
  id: 'audit_1',
  at: '2026-01-31T12:00:00Z',
  actor: 'local',
  action: 'users.write',
  outcome: 'done',
  credential: 'session',
  details: {},
}
const REPORT: AuditReport = {
  tenant: 'default',
  entries: 1,
  seals: 1,
  waiting: 0,
  first: 1,
  last: 1,
  hash: '',
  keys: [],
  cut: 0,
  findings: [],
}

describe('words about the audit log', () => {
  it('says who did it, for whom and upon what', () => {
    expect(whoWords(ENTRY)).toBe('local')
    expect(whoWords({ ...ENTRY, acting_for: 'ann' })).toBe('local for ann')
    const details = { roles: 'admin', request_id: 'req_1' }
    expect(aboutWords({ ...ENTRY, resource: 'ann', details })).toBe('ann, roles admin')
    expect(aboutWords(ENTRY)).toBe('')
  })

  it('says what the verifier found', () => {
    expect(reportWords(REPORT)).toBe('Nothing is wrong with 1 entry.')
    expect(signedWords(REPORT)).toBe('It is not signed yet.')
    expect(signedWords({ ...REPORT, keys: ['ab:cd'] })).toBe('Signed by ab:cd.')
    const findings = [{ seq: 3, problem: 'It was changed.' }]
    expect(reportWords({ ...REPORT, findings })).toBe('1 thing is wrong.')
  })
})
