import fc from 'fast-check'
import { Lexer } from 'marked'
import { expect, it } from 'vitest'

import { GrowingLexer } from './growing-lexer'

const pieces = fc.oneof(
  fc.constantFrom(
    '\n',
    '\n\n',
    '- a',
    '  - b',
    '1. c',
    '# ',
    '> ',
    '```',
    '===',
    '| a | b |',
    '|--|--|',
    '<div>',
    '    ',
    '* * *',
    'word ',
    '`x`',
    '**',
  ),
  fc.string({ maxLength: 6 }).filter((text) => !/[[\]\r]/.test(text)),
)

it('reads a growing text as if it were read whole', () => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      const lexer = new GrowingLexer()
      let text = ''
      for (const part of parts) {
        text += part
        lexer.lex(text)
      }
      const whole = new Lexer({ gfm: true }).lex(text)
      expect(lexer.lex(text)).toEqual([...whole])
    }),
    { numRuns: 1000 },
  )
})

it('begins anew with another text', () => {
  const lexer = new GrowingLexer()
  lexer.lex('one\n\ntwo\n\nthree')
  expect(lexer.lex('other')).toHaveLength(1)
})
