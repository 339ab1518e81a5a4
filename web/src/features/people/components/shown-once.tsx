/** A secret that the server told once and does not know any more. */

import { CopyButton } from '@/shared/ui/copy-button'
import { Notice } from '@/shared/ui/notice'

import styles from './people.module.css'

export function ShownOnce({ text, label }: { text: string; label: string }) {
  return (
    <Notice tone="info" title="Copy it now: it is not shown again.">
      <span className={styles.secret}>
        <code>{text}</code>
        <CopyButton text={text} label={label} />
      </span>
    </Notice>
  )
}
