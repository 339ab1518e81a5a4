/** The conversation, kept at its end while it grows unless the reader has scrolled away. */

import type { ReactNode } from 'react'

import { IconButton } from '@/shared/ui/button'

import styles from './transcript.module.css'
import { useStickToBottom } from './use-stick-to-bottom'

export function Transcript({ children }: { children: ReactNode }) {
  const { frame, content, atBottom, toBottom } = useStickToBottom()
  return (
    <div className={styles.transcript}>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrollable regions take focus */}
      <div ref={frame} className={styles.frame} tabIndex={0} role="region" aria-label="Messages">
        <div ref={content} className={styles.column}>
          {children}
        </div>
      </div>
      {!atBottom && (
        <div className={styles.jump}>
          <IconButton icon="down" label="Go to the latest message" onClick={toBottom} />
        </div>
      )}
    </div>
  )
}
