/** A card that tells what went wrong or should be known, and what to do about it. */

import type { ReactNode } from 'react'

import { HintText } from './hint-text'
import { Icon, type IconName } from './icon'
import styles from './notice.module.css'

type Tone = 'problem' | 'warning' | 'info'
const icons: Record<Tone, IconName> = { problem: 'alert', warning: 'hand', info: 'info' }

export function Notice({
  tone,
  title,
  hint,
  children,
}: {
  tone: Tone
  title: string
  hint?: string | null
  children?: ReactNode
}) {
  return (
    <div
      className={`${styles.notice} ${styles[tone]}`}
      role={tone === 'problem' ? 'alert' : 'note'}
    >
      <Icon name={icons[tone]} />
      <div className={styles.words}>
        <p className={styles.title}>{title}</p>
        {hint != null && hint !== '' && (
          <p className={styles.hint}>
            <HintText text={hint} />
          </p>
        )}
        {children !== undefined && <div className={styles.actions}>{children}</div>}
      </div>
    </div>
  )
}
