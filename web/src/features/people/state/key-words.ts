/** What is said of keys, and what a person's words about a new one mean. */

import type { Key } from '@/shared/api/types'

const DAY = 24 * 60 * 60 * 1000

/** What a key is good for, in words. */
export function scopeWords(key: Key): string {
  return key.scopes == null ? 'all that its user may do' : key.scopes.join(', ')
}

/** How long a key is good, and when it was last used. */
export function lifeWords(key: Key, now: number): string {
  const used = key.used_at == null ? 'never used' : `used ${key.used_at.slice(0, 10)}`
  if (key.expires_at == null) return used
  const day = key.expires_at.slice(0, 10)
  if (isOver(key, now)) return `${key.replaced_by == null ? `expired ${day}` : 'replaced'}, ${used}`
  return `${key.replaced_by == null ? 'expires' : 'replaced, good until'} ${day}, ${used}`
}

/** Whether a key is good for nothing any more. */
export function isOver(key: Key, now: number): boolean {
  return key.expires_at != null && Date.parse(key.expires_at) <= now
}

export const NEW_KEY = { name: '', scopes: '', days: '90' }

/** What is asked for by what was typed. */
export function requestOf({ name, scopes, days }: typeof NEW_KEY, now: number) {
  return { name: name.trim(), scopes: scopesOf(scopes), expires_at: expiryOf(days, now) }
}

/** The scopes in what was typed, or null for all of them. */
function scopesOf(text: string): string[] | null {
  const scopes = text.split(/[\s,]+/).filter((scope) => scope !== '')
  return scopes.length === 0 ? null : scopes
}

/** When a key expires that is to last so many days; null for never. */
function expiryOf(days: string, now: number): string | null {
  const count = Number.parseInt(days, 10)
  return Number.isFinite(count) && count > 0 ? new Date(now + count * DAY).toISOString() : null
}
