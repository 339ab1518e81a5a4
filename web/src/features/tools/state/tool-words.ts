/** What is known of a tool, in words for people. */

import type { Tool, ToolVersion } from '@/shared/api/types'

/** What its calls do to the world; empty where its maker has not said. */
export function effects(version: ToolVersion): string[] {
  const told = version.annotations
  const words: string[] = []
  if (told.read_only === true) words.push('Changes nothing')
  else if (told.destructive === true) words.push('May destroy what was there')
  else if (told.read_only === false) words.push('Makes changes')
  if (told.open_world === true) words.push('Reaches outside of the project')
  if (version.approval) words.push('Asks for approval')
  return words
}

/** What it may touch, by its manifest. */
export function permissions(tool: Tool): [string, string][] {
  const manifest = tool.manifest
  if (manifest == null) return []
  const { files, network, processes } = manifest.permissions
  return [
    ['Files', { none: 'None', read: 'Reads them', write: 'Reads and writes them' }[files]],
    ['Network', network.length === 0 ? 'None' : network.map(host).join(', ')],
    ['Other programs', processes ? 'Starts them' : 'None'],
    ['Secrets', manifest.secrets.map((secret) => secret.name).join(', ') || 'None'],
  ]
}

function host(name: string): string {
  return name === '*' ? 'Any public host' : name
}

export interface Argument {
  name: string
  type: string
  needed: boolean
  meaning: string
}

/** The arguments of a tool, as its schema has them. */
export function argumentsOf(version: ToolVersion): Argument[] {
  const schema = version.parameters as { properties?: unknown; required?: unknown }
  const needed = Array.isArray(schema.required) ? schema.required : []
  if (typeof schema.properties !== 'object' || schema.properties === null) return []
  return Object.entries(schema.properties).map(([name, given]) => {
    const said = (typeof given === 'object' && given !== null ? given : {}) as Keywords
    return {
      name,
      type: typeWords(said),
      needed: needed.includes(name),
      meaning: typeof said.description === 'string' ? said.description : '',
    }
  })
}

interface Keywords {
  description?: unknown
  type?: unknown
  enum?: unknown
  anyOf?: unknown
}

function typeWords(schema: Keywords): string {
  if (Array.isArray(schema.enum)) return schema.enum.map((each) => JSON.stringify(each)).join(' | ')
  if (typeof schema.type === 'string') return schema.type
  if (Array.isArray(schema.type)) return schema.type.join(' | ')
  if (Array.isArray(schema.anyOf)) {
    return schema.anyOf.map((each) => typeWords(each as object)).join(' | ')
  }
  return 'any'
}
