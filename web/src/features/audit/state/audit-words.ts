/** What is said of an audit log and its entries. */

import type { AuditEntry, AuditReport } from '@/shared/api/types'

/** Who did it, and on whose behalf. */
export function whoWords(entry: AuditEntry): string {
  return entry.acting_for == null ? entry.actor : `${entry.actor} for ${entry.acting_for}`
}

/** What it was done upon, and the ids that were told of it. */
export function aboutWords(entry: AuditEntry): string {
  const told = Object.entries(entry.details)
    .filter(([name]) => name !== 'request_id')
    .map(([name, value]) => `${name} ${value}`)
  return [entry.resource ?? '', ...told].filter((each) => each !== '').join(', ')
}

/** When it was done, by this machine's clock. */
export function whenWords(entry: AuditEntry): string {
  return new Date(entry.at).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'medium',
  })
}

/** What the verifier found. */
export function reportWords(report: AuditReport): string {
  const wrong = report.findings.length
  if (wrong === 0) return `Nothing is wrong with ${counted(report.entries, 'entry', 'entries')}.`
  return `${counted(wrong, 'thing is', 'things are')} wrong.`
}

/** Whose signatures the log bears. */
export function signedWords(report: AuditReport): string {
  return report.keys.length === 0 ? 'It is not signed yet.' : `Signed by ${report.keys.join(', ')}.`
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
