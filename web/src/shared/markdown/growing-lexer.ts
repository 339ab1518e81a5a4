/**
 * Reads Markdown that grows. What is appended can change the last blocks of a text only, so a long
 * answer is not read again from its beginning at every token.
 */

import { Lexer, type Token } from 'marked'

export class GrowingLexer {
  private text = ''
  private tokens: readonly Token[] = []

  /** The blocks of `text`; those that a longer text cannot have changed are the same objects. */
  lex(text: string): readonly Token[] {
    if (text === this.text) return this.tokens
    const kept = text.startsWith(this.text) && !text.includes('\r') ? settled(this.tokens) : []
    const offset = kept.reduce((sum, token) => sum + token.raw.length, 0)
    this.tokens = [...kept, ...new Lexer({ gfm: true }).lex(text.slice(offset))]
    this.text = text
    return this.tokens
  }
}

/** All but the last two blocks that are more than space: a list may go on behind an empty line. */
function settled(tokens: readonly Token[]): readonly Token[] {
  const blocks = tokens.flatMap((token, index) => (token.type === 'space' ? [] : [index]))
  return tokens.slice(0, blocks.at(-2) ?? 0)
}
