import fc from 'fast-check'
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, it } from 'vitest'

import { decodeEntities, safeAddress } from './inline'
import { Markdown } from './markdown'

function html(text: string): string {
  return renderToStaticMarkup(<Markdown text={text} />)
}

describe('Markdown', () => {
  it('renders tables, lists, code and emphasis', () => {
    expect(html('| a | b |\n|--|--:|\n| 1 | 2 |')).toContain('<td data-align="right">2</td>')
    expect(html('1. one\n2. two')).toContain('<ol start="1">')
    expect(html('**bold** `code`')).toContain('<strong>bold</strong> <code>code</code>')
    expect(html('```py\nx < 1\n```')).toContain('x &lt; 1')
  })

  it('shows markup as text', () => {
    const attack = '<img src=x onerror=alert(1)>\n\n<script>alert(1)</script>'
    expect(html(attack)).not.toMatch(/<(img|script)/)
    expect(html(attack)).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  })

  it('loads no image and keeps its address as a link', () => {
    expect(html('![chart](https://example.com/x.png)')).not.toContain('<img')
    expect(html('![chart](https://example.com/x.png)')).toContain(
      'href="https://example.com/x.png"',
    )
  })

  it('follows no address that could run code', () => {
    for (const address of [
      'javascript:alert(1)',
      'JAVA&#115;cript:alert(1)',
      'data:text/html,x',
      '//x',
    ]) {
      expect(safeAddress(address)).toBeNull()
      expect(html(`[x](${address})`)).not.toContain('href')
    }
  })

  it('decodes entities once', () => {
    expect(decodeEntities('a &amp; b &#65; &#x42; &nonsense; &amp;lt;')).toBe(
      'a & b A B &nonsense; &lt;',
    )
    expect(decodeEntities('&#0;&#x110000;')).toBe('\uFFFD\uFFFD')
    expect(html('`&amp;`')).toContain('<code>&amp;amp;</code>')
  })

  it('makes only elements that it knows, of any text', () => {
    const known =
      /^(div|p|h[3-6]|strong|em|del|code|br|a|blockquote|ul|ol|li|input|table|thead|tbody|tr|th|td|hr|pre|figure|figcaption|span|button|svg|path)$/
    const pieces = fc.constantFrom(
      '<',
      '>',
      '"',
      '&',
      '[',
      '](',
      ')',
      '*',
      '`',
      '\n',
      '\n\n',
      '|',
      '-',
      '# ',
      '<b ',
      'onx=',
      'javascript:',
      '![',
      'é',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (text) => {
        const made = html(text.join(''))
        for (const [, name] of made.matchAll(/<([a-zA-Z][^\s/>]*)/g)) expect(name).toMatch(known)
        expect(made).not.toMatch(/<[^>]*\s(on\w+|style)=|href="(?!https?:|mailto:)/)
      }),
      { numRuns: 300 },
    )
  })
})
