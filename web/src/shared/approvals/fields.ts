/** A question's JSON Schema as the fields of a form, and what was typed as the answer. */

type Schema = Record<string, unknown>
type Kind = 'text' | 'number' | 'switch' | 'choice' | 'json'

export interface Field {
  /** Name in the answer; null for an answer that is this value alone. */
  name: string | null
  label: string
  hint: string | null
  kind: Kind
  choices: readonly Choice[]
  required: boolean
  /** What the form begins with. */
  initial: string
}

export interface Choice {
  label: string
  value: unknown
}

export type Typed = Readonly<Record<string, string>>

/** The fields of a question: one for a plain answer, several for a flat object. */
export function fieldsOf(schema: Schema | null): Field[] {
  if (schema === null) return [field(null, {}, true)]
  const properties = record(schema.properties)
  const names = Object.keys(properties)
  if (schema.type !== 'object' || names.length === 0) return [field(null, schema, true)]
  const required = Array.isArray(schema.required) ? schema.required : []
  return names.map((name) => field(name, record(properties[name]), required.includes(name)))
}

/** The answer that the form holds; an error in words if it holds none. */
export function answerOf(fields: readonly Field[], typed: Typed): { value: unknown } | string {
  const answer: Record<string, unknown> = {}
  for (const each of fields) {
    const text = typed[each.name ?? ''] ?? ''
    if (text.trim() === '' && !each.required) continue
    const value = valueOf(each, text)
    if (typeof value === 'string') return each.name === null ? value : `${each.label}: ${value}`
    if (each.name === null) return value
    answer[each.name] = value.value
  }
  return { value: answer }
}

export function initialOf(fields: readonly Field[]): Typed {
  return Object.fromEntries(fields.map((each) => [each.name ?? '', each.initial]))
}

function field(name: string | null, schema: Schema, required: boolean): Field {
  const choices = choicesOf(schema)
  const kind = kindOf(schema, choices)
  const initial = schema.default ?? (kind === 'switch' ? false : null)
  return {
    name,
    label: typeof schema.title === 'string' ? schema.title : (name ?? 'Your answer'),
    hint: typeof schema.description === 'string' ? schema.description : null,
    kind,
    choices,
    required,
    initial: initial === null ? '' : written(kind, choices, initial),
  }
}

function written(kind: Kind, choices: readonly Choice[], value: unknown): string {
  if (kind === 'choice') return String(choices.findIndex((choice) => choice.value === value))
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function kindOf(schema: Schema, choices: readonly Choice[]): Kind {
  if (choices.length > 0) return 'choice'
  if (schema.type === 'boolean') return 'switch'
  if (schema.type === 'number' || schema.type === 'integer') return 'number'
  return schema.type === 'string' || Object.keys(schema).length === 0 ? 'text' : 'json'
}

function choicesOf(schema: Schema): Choice[] {
  if (Array.isArray(schema.enum)) {
    const names = Array.isArray(schema.enumNames) ? schema.enumNames : []
    return schema.enum.map((value: unknown, at) => ({ label: text(names[at] ?? value), value }))
  }
  const options = Array.isArray(schema.oneOf) ? schema.oneOf.map(record) : []
  if (options.length === 0 || !options.every((option) => 'const' in option)) return []
  return options.map((option) => ({
    label: text(option.title ?? option.const),
    value: option.const,
  }))
}

function valueOf(each: Field, typed: string): { value: unknown } | string {
  switch (each.kind) {
    case 'text':
      return typed.trim() === '' ? 'an answer is needed.' : { value: typed }
    case 'switch':
      return { value: typed === 'true' }
    case 'choice': {
      const choice = each.choices[Number(typed)]
      return typed === '' || choice === undefined ? 'choose one.' : { value: choice.value }
    }
    case 'number': {
      const number = Number(typed)
      const good = typed.trim() !== '' && Number.isFinite(number)
      return good ? { value: number } : 'a number is needed.'
    }
    case 'json':
      try {
        return { value: JSON.parse(typed) as unknown }
      } catch {
        return 'JSON is needed.'
      }
  }
}

function record(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
