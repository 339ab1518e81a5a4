import { describe, expect, it } from 'vitest'

import { NEW_POLICY, NEW_ROLE, policyOf, roleOf } from './drafts'
import { policyLines, roleLines, sourceWords } from './rule-words'

describe('words about rules', () => {
  it('says what a role allows and refuses', () => {
    const role = roleOf({ ...NEW_ROLE, name: 'support', includes: 'viewer', allow: 'runs.* a' })
    expect(roleLines(role)).toEqual(['includes viewer', 'allows runs.*, a'])
    expect(sourceWords({ ...role, source: 'builtin' })).toBe('built in')
    expect(sourceWords(role)).toBe('')
  })

  it('says whom a policy concerns, and what they are told', () => {
    const draft = { ...NEW_POLICY, name: 'no-shell', permissions: 'tools.use:shell' }
    expect(policyLines(policyOf(draft))).toEqual(['refuses tools.use:shell to everybody'])
    const some = { ...draft, whom: 'ann @ops', roles: 'viewer', agents: 'a*', reason: 'Ask.' }
    expect(policyLines(policyOf(some))).toEqual([
      'refuses tools.use:shell to ann, @ops, whoever is viewer',
      'in runs of a*',
      '“Ask.”',
    ])
  })
})
