/** What is said of roles and policies. */

import type { Policy, Role } from '@/shared/api/types'

/** Where a rule comes from; only stored ones, of which nothing is said, are changed here. */
export function sourceWords(rule: Role | Policy): string {
  return { builtin: 'built in', file: 'muxi.yaml', database: '' }[rule.source]
}

/** What a role is for, allows and refuses, one line each. */
export function roleLines(role: Role): string[] {
  return [
    role.description,
    line('includes', role.includes),
    line('allows', role.allow),
    line('refuses', role.deny),
  ].filter((each) => each !== '')
}

/** What a policy does, to whom and where. */
export function policyLines(policy: Policy): string[] {
  const verb = policy.effect === 'allow' ? 'allows' : 'refuses'
  return [
    `${line(verb, policy.permissions)} to ${whom(policy)}`,
    line('in runs of', policy.agents),
    policy.reason === '' ? '' : `“${policy.reason}”`,
  ].filter((each) => each !== '')
}

function whom(policy: Policy): string {
  const all = [
    ...policy.users,
    ...policy.groups.map((group) => `@${group}`),
    ...policy.roles.map((role) => `whoever is ${role}`),
  ]
  return all.length === 0 ? 'everybody' : all.join(', ')
}

function line(words: string, names: string[]): string {
  return names.length === 0 ? '' : `${words} ${names.join(', ')}`
}
