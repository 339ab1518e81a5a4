import { describe, expect, it } from 'vitest'

import { answerOf, fieldsOf, initialOf } from './fields'

const kindsOf = (schema: Record<string, unknown> | null): string[] =>
  fieldsOf(schema).map((field) => field.kind)

describe('the form of a question', () => {
  it('is a line of text without a schema', () => {
    const fields = fieldsOf(null)
    expect(fields.map((field) => [field.name, field.kind])).toEqual([[null, 'text']])
    expect(answerOf(fields, { '': 'Rome' })).toEqual({ value: 'Rome' })
    expect(answerOf(fields, { '': '  ' })).toBe('an answer is needed.')
  })

  it('has a field for each member of a flat object', () => {
    const schema = {
      type: 'object',
      properties: {
        day: { type: 'string', title: 'Which day?', description: 'A weekday' },
        people: { type: 'integer', default: 2 },
        window: { type: 'boolean' },
        class: { oneOf: [{ const: 1, title: 'First' }, { const: 2 }] },
        more: { type: 'array' },
      },
      required: ['day', 'class'],
    }
    const fields = fieldsOf(schema)
    expect(kindsOf(schema)).toEqual(['text', 'number', 'switch', 'choice', 'json'])
    expect(fields[0]).toMatchObject({ label: 'Which day?', hint: 'A weekday', required: true })
    expect(initialOf(fields)).toEqual({
      day: '',
      people: '2',
      window: 'false',
      class: '',
      more: '',
    })
    const typed = { ...initialOf(fields), day: 'Friday', class: '0' }
    expect(answerOf(fields, typed)).toEqual({
      value: { day: 'Friday', people: 2, window: false, class: 1 },
    })
    expect(answerOf(fields, { ...typed, class: '' })).toBe('class: choose one.')
    expect(answerOf(fields, { ...typed, people: 'many' })).toBe('people: a number is needed.')
    expect(answerOf(fields, { ...typed, more: '[' })).toBe('more: JSON is needed.')
  })

  it('offers the choices of an enumeration, of any type', () => {
    const fields = fieldsOf({ enum: ['red', 2, null], default: 2 })
    expect(fields[0]?.choices.map((choice) => choice.label)).toEqual(['red', '2', 'null'])
    expect(initialOf(fields)).toEqual({ '': '1' })
    expect(answerOf(fields, { '': '2' })).toEqual({ value: null })
  })

  it('takes what it does not understand as JSON', () => {
    expect(kindsOf({ type: ['string', 'null'] })).toEqual(['json'])
    expect(kindsOf({ type: 'object' })).toEqual(['json'])
    expect(kindsOf({ type: 'object', properties: 'nonsense' })).toEqual(['json'])
  })
})
