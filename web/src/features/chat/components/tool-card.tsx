/** One call of a tool: what was asked, how it stands, what came of it and how long it took. */

import type { Part } from '@/shared/api/types'
import { CopyButton } from '@/shared/ui/copy-button'
import { Icon } from '@/shared/ui/icon'

import { outcomeOf, summaryOf, type ToolBlock } from '../state/tool-outcome'
import styles from './tool-card.module.css'

const words = {
  writing: 'Preparing',
  waiting: 'Needs your approval',
  running: 'Running',
  ok: 'Done',
  error: 'Failed',
  denied: 'Denied',
  cancelled: 'Cancelled',
  unknown: 'Not finished',
}

export function ToolCard({ block, live }: { block: ToolBlock; live: boolean }) {
  const outcome = outcomeOf(block, live)
  const progress = block.activity?.progress
  const seconds = block.result?.seconds ?? block.activity?.seconds
  return (
    <details className={styles.card} data-outcome={outcome}>
      <summary>
        <span className={styles.sign}>
          <Sign outcome={outcome} />
        </span>
        <span className={styles.name}>{block.name}</span>
        <span className={styles.brief}>{summaryOf(block)}</span>
        <span className={styles.state}>
          {words[outcome]}
          {seconds != null && ` · ${duration(seconds)}`}
        </span>
        <Icon name="chevron" size={14} />
      </summary>
      {progress != null && outcome === 'running' && (
        <div className={styles.progress}>
          {progress.message !== null && <span>{progress.message}</span>}
          {progress.value !== null && (
            <progress aria-label={block.name} value={progress.value} max={progress.total ?? 1} />
          )}
        </div>
      )}
      <div className={styles.body}>
        <Field title="Arguments" text={argumentsText(block)} />
        {block.result !== null && (
          <Field title="Result" text={block.result.content.map(contentText).join('\n')} />
        )}
      </div>
    </details>
  )
}

function Sign({ outcome }: { outcome: keyof typeof words }) {
  if (outcome === 'running' || outcome === 'writing') return <span className="spinner" />
  if (outcome === 'ok') return <Icon name="check" size={16} />
  if (outcome === 'waiting') return <Icon name="hand" size={16} />
  if (outcome === 'error') return <Icon name="alert" size={16} />
  return <Icon name="tool" size={16} />
}

function Field({ title, text }: { title: string; text: string }) {
  return (
    <section>
      <header>
        <h4>{title}</h4>
        <CopyButton text={text} label={`Copy ${title.toLowerCase()}`} />
      </header>
      {/* The text scrolls; a keyboard must be able to reach it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrollable regions take focus */}
      <pre tabIndex={0}>{text === '' ? '(empty)' : text}</pre>
    </section>
  )
}

function argumentsText(block: ToolBlock): string {
  return block.argumentsText ?? JSON.stringify(block.arguments ?? {}, null, 2)
}

function contentText(part: Part): string {
  if (part.type === 'text') return pretty(part.text)
  if ('media_type' in part) return `[${part.media_type}${part.name == null ? '' : ` ${part.name}`}]`
  return JSON.stringify(part)
}

/** JSON is easier to read with its structure; everything else stays as it is. */
function pretty(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

export function duration(seconds: number): string {
  if (seconds < 0.0995) return `${Math.max(1, Math.round(seconds * 1000))} ms`
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}
