/** What a conversation and the beginning of one share: header, middle, composer at the foot. */

import type { ReactNode } from 'react'

import styles from './chat-frame.module.css'

export function ChatFrame({
  header,
  children,
  notices,
  composer,
}: {
  header: ReactNode
  children: ReactNode
  notices?: ReactNode
  composer: ReactNode
}) {
  return (
    <main className={styles.chat}>
      {header}
      {children}
      <div className={styles.foot}>
        <div className={styles.column}>
          {notices}
          {composer}
          <p className={styles.keys}>
            <kbd>Enter</kbd> send · <kbd>Shift</kbd>+<kbd>Enter</kbd> new line · <kbd>Esc</kbd> stop
            · <kbd>Ctrl</kbd>+<kbd>K</kbd> new chat
          </p>
        </div>
      </div>
    </main>
  )
}
