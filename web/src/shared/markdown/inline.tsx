/** The inline part of Markdown: emphasis, code, links, line breaks, entities. */

import { decodeNamedCharacterReference } from 'decode-named-character-reference'
import type { Token, Tokens } from 'marked'

export function Inline({ tokens }: { tokens: readonly Token[] | undefined }) {
  return tokens?.map((token, index) => <InlineToken key={index} token={token} />)
}

function InlineToken({ token }: { token: Token }) {
  switch (token.type) {
    case 'strong':
      return (
        <strong>
          <Inline tokens={token.tokens} />
        </strong>
      )
    case 'em':
      return (
        <em>
          <Inline tokens={token.tokens} />
        </em>
      )
    case 'del':
      return (
        <del>
          <Inline tokens={token.tokens} />
        </del>
      )
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'link':
      return (
        <Link href={(token as Tokens.Link).href}>
          <Inline tokens={token.tokens} />
        </Link>
      )
    case 'image': {
      const image = token as Tokens.Image
      return <Link href={image.href}>{image.text === '' ? image.href : image.text}</Link>
    }
    case 'html':
      return token.raw
    case 'escape':
      return (token as Tokens.Escape).text
    case 'text':
      return token.tokens === undefined ? (
        decodeEntities((token as Tokens.Text).text)
      ) : (
        <Inline tokens={token.tokens} />
      )
    default:
      return token.raw
  }
}

function Link({ href, children }: { href: string; children: React.ReactNode }) {
  const address = safeAddress(href)
  if (address === null) return children
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  )
}

const SAFE_PROTOCOLS = new Set(['http:', 'https:', 'mailto:'])

/** `href` if following it can do no harm, else null: no script, no data, no address of this page. */
export function safeAddress(href: string): string | null {
  try {
    const url = new URL(decodeEntities(href))
    return SAFE_PROTOCOLS.has(url.protocol) ? url.href : null
  } catch {
    return null
  }
}

const ENTITY = /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-zA-Z][\da-zA-Z]{1,31}));/g

export function decodeEntities(text: string): string {
  return text.replace(ENTITY, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return decodeNamedCharacterReference(name) || whole
    const point = decimal === undefined ? parseInt(hex ?? '', 16) : parseInt(decimal, 10)
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '\uFFFD'
  })
}
