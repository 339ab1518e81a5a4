/**
 * Markdown as React elements. No HTML is ever made from text: markup in an answer is shown as the
 * text that it is, and no image is loaded, because fetching one would tell its host what was said.
 */

import { Lexer, type Token, type Tokens } from 'marked'
import { memo, useMemo, useState } from 'react'

import { CodeBlock } from './code-block'
import { GrowingLexer } from './growing-lexer'
import { Inline } from './inline'
import styles from './markdown.module.css'

interface MarkdownProps {
  text: string
  /** Whether more of the text is to come. */
  growing?: boolean
}

export function Markdown({ text, growing = false }: MarkdownProps) {
  const [lexer] = useState(() => new GrowingLexer())
  // The whole text is read once more at its end: links may be defined below the place they stand.
  const tokens = useMemo(
    () => (growing ? lexer.lex(text) : new Lexer({ gfm: true }).lex(text)),
    [lexer, text, growing],
  )
  return (
    <div className={styles.markdown}>
      {tokens.map((token, index) => (
        <Block key={index} token={token} raw={token.raw} />
      ))}
    </div>
  )
}

/** Each token of a growing answer is new, but only the last one has changed. */
const Block = memo(
  function Block({ token }: { token: Token; raw: string }) {
    return <BlockContent token={token} />
  },
  (before, after) => before.raw === after.raw && before.token.type === after.token.type,
)

function Blocks({ tokens }: { tokens: readonly Token[] }) {
  return tokens.map((token, index) => <BlockContent key={index} token={token} />)
}

function BlockContent({ token }: { token: Token }) {
  switch (token.type) {
    case 'heading':
      return <Heading token={token as Tokens.Heading} />
    case 'paragraph':
      return (
        <p>
          <Inline tokens={token.tokens} />
        </p>
      )
    case 'code':
      return <CodeBlock code={token.text as string} language={(token as Tokens.Code).lang ?? ''} />
    case 'blockquote':
      return (
        <blockquote>
          <Blocks tokens={token.tokens ?? []} />
        </blockquote>
      )
    case 'list':
      return <List token={token as Tokens.List} />
    case 'table':
      return <Table token={token as Tokens.Table} />
    case 'hr':
      return <hr />
    case 'html':
      return <p>{token.raw.trim()}</p>
    case 'text':
      return <Inline tokens={token.tokens ?? [token]} />
    default:
      return null
  }
}

function Heading({ token }: { token: Tokens.Heading }) {
  // The page has its own first and second level: an answer's headings begin below them.
  const Level = `h${Math.min(6, token.depth + 2)}` as 'h3' | 'h4' | 'h5' | 'h6'
  return (
    <Level className={styles[`level${Math.min(token.depth, 4)}`]}>
      <Inline tokens={token.tokens} />
    </Level>
  )
}

function List({ token }: { token: Tokens.List }) {
  const items = token.items.map((item, index) => (
    <li key={index} className={item.task ? styles.task : undefined}>
      {item.task && <input type="checkbox" checked={item.checked ?? false} readOnly disabled />}
      <Blocks tokens={item.tokens.filter((inner) => inner.type !== 'checkbox')} />
    </li>
  ))
  if (!token.ordered) return <ul>{items}</ul>
  return <ol start={token.start === '' ? 1 : token.start}>{items}</ol>
}

function Table({ token }: { token: Tokens.Table }) {
  return (
    <div className={styles.tableFrame}>
      <table>
        <thead>
          <tr>
            {token.header.map((cell, index) => (
              <th key={index} scope="col" data-align={cell.align}>
                <Inline tokens={cell.tokens} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} data-align={cell.align}>
                  <Inline tokens={cell.tokens} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
