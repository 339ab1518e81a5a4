/** Rules as a person types them in a form: every field is a text. */

import type { Policy, Role } from '@/shared/api/types'

export const NEW_ROLE = { name: '', description: '', includes: '', allow: '', deny: '' }
export type RoleDraft = typeof NEW_ROLE

export const NEW_POLICY = {
  name: '',
  effect: 'deny' as Policy['effect'],
  permissions: '',
  whom: '',
  roles: '',
  agents: '',
  reason: '',
}
export type PolicyDraft = typeof NEW_POLICY

export function draftOfRole(role: Role): RoleDraft {
  const { name, description, includes, allow, deny } = role
  return { name, description, includes: text(includes), allow: text(allow), deny: text(deny) }
}

export function roleOf(draft: RoleDraft): Role {
  return {
    name: draft.name.trim(),
    description: draft.description.trim(),
    includes: namesOf(draft.includes),
    allow: namesOf(draft.allow),
    deny: namesOf(draft.deny),
    source: 'database',
  }
}

export function draftOfPolicy(policy: Policy): PolicyDraft {
  return {
    name: policy.name,
    effect: policy.effect,
    permissions: text(policy.permissions),
    whom: text([...policy.users, ...policy.groups.map((group) => `@${group}`)]),
    roles: text(policy.roles),
    agents: text(policy.agents),
    reason: policy.reason,
  }
}

export function policyOf(draft: PolicyDraft): Policy {
  const whom = namesOf(draft.whom)
  return {
    name: draft.name.trim(),
    effect: draft.effect,
    permissions: namesOf(draft.permissions),
    users: whom.filter((name) => !name.startsWith('@')),
    groups: whom.filter((name) => name.startsWith('@')).map((name) => name.slice(1)),
    roles: namesOf(draft.roles),
    agents: namesOf(draft.agents),
    reason: draft.reason.trim(),
    source: 'database',
  }
}

/** What is sent of a rule. */
export function bodyOf(rule: Role | Policy): object {
  const { source: _, ...body } = rule
  return body
}

/** The names in what was typed, between spaces or commas. */
function namesOf(typed: string): string[] {
  return typed.split(/[\s,]+/).filter((name) => name !== '')
}

function text(names: string[]): string {
  return names.join(' ')
}
