/** A block of code with its language, a copy button and, once the highlighter is here, colours. */

import { useEffect, useState } from 'react'

import { CopyButton } from '@/shared/ui/copy-button'

import type { Highlighted } from './highlight'
import styles from './code-block.module.css'

type Highlighter = (code: string, language: string) => Highlighted | null

/** Longer blocks stay plain: colouring them at every token would take longer than a frame. */
const LONGEST = 20_000

let loaded: Highlighter | null = null

export function CodeBlock({ code, language }: { code: string; language: string }) {
  const name = language.split(/\s/)[0]?.toLowerCase() ?? ''
  const highlight = useHighlighter(name !== '')
  const coloured = code.length <= LONGEST ? (highlight?.(code, name) ?? null) : null
  return (
    <figure className={styles.block}>
      <figcaption className={styles.bar}>
        <span>{name === '' ? 'text' : name}</span>
        <CopyButton text={code} label="Copy code" />
      </figcaption>
      <pre>
        <code>{coloured === null ? code : <Nodes nodes={coloured} />}</code>
      </pre>
    </figure>
  )
}

function useHighlighter(wanted: boolean): Highlighter | null {
  const [highlighter, setHighlighter] = useState<Highlighter | null>(() => loaded)
  useEffect(() => {
    if (!wanted || highlighter !== null) return
    let gone = false
    void import('./highlight').then((module) => {
      loaded = module.highlight
      if (!gone) setHighlighter(() => module.highlight)
    })
    return () => {
      gone = true
    }
  }, [wanted, highlighter])
  return highlighter
}

function Nodes({ nodes }: { nodes: Highlighted }) {
  return nodes.map((node, index) => {
    if (node.type === 'text') return node.value
    if (node.type !== 'element') return null
    return (
      <span key={index} className={classOf(node.properties.className)}>
        <Nodes nodes={node.children} />
      </span>
    )
  })
}

function classOf(names: unknown): string {
  return Array.isArray(names) ? names.join(' ') : ''
}
