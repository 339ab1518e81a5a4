/** A model's thoughts, folded away until somebody wants to read them. */

import { Markdown } from '@/shared/markdown/markdown'
import { Icon } from '@/shared/ui/icon'

import styles from './reasoning.module.css'

export function Reasoning({ text, streaming }: { text: string; streaming: boolean }) {
  return (
    <details className={styles.reasoning}>
      <summary>
        <Icon name="thought" size={16} />
        <span className={streaming ? 'shimmer' : undefined}>
          {streaming ? 'Thinking…' : 'Thoughts'}
        </span>
        <Icon name="chevron" size={14} />
      </summary>
      <div className={styles.text}>
        <Markdown text={text} growing={streaming} />
      </div>
    </details>
  )
}
