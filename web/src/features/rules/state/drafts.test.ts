import { describe, expect, it } from 'vitest'

import { draftOfPolicy, draftOfRole, NEW_POLICY, NEW_ROLE, policyOf, roleOf } from './drafts'

describe('what is typed of a rule', () => {
  it('becomes a role, and the role becomes what was typed', () => {
    const role = roleOf({ ...NEW_ROLE, name: ' support ', allow: 'runs.*, agents.use:a\n' })
    expect(role).toMatchObject({ name: 'support', allow: ['runs.*', 'agents.use:a'], deny: [] })
    expect(draftOfRole(role)).toEqual({
      ...NEW_ROLE,
      name: 'support',
      allow: 'runs.* agents.use:a',
    })
  })

  it('becomes a policy, whose groups are written with an @', () => {
    const draft = { ...NEW_POLICY, name: 'p', permissions: 'tools.use', whom: 'ann @ops ben' }
    const policy = policyOf(draft)
    expect(policy).toMatchObject({ users: ['ann', 'ben'], groups: ['ops'], effect: 'deny' })
    expect(draftOfPolicy(policy)).toEqual({ ...draft, whom: 'ann ben @ops' })
  })
})
