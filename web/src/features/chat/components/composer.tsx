/** Where a person writes. Enter sends, Shift+Enter begins a line, Escape stops a running answer. */

import { useEffect, useRef, useState } from 'react'

import { Icon } from '@/shared/ui/icon'

import styles from './composer.module.css'

interface ComposerProps {
  /** Whether nothing can be sent now; what is written meanwhile is kept. */
  busy: boolean
  /** Resolves to whether the message was taken; if not, its text stays in the field. */
  onSend: (text: string) => Promise<boolean>
  /** Stops what runs; null when nothing does. */
  onStop: (() => void) | null
}

export function Composer({ busy, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState('')
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    // On a phone focus would raise the keyboard over the conversation.
    if (matchMedia('(hover: hover)').matches) field.current?.focus()
  }, [])

  const send = async (): Promise<void> => {
    if (text.trim() === '' || busy) return
    setText('')
    if (!(await onSend(text))) setText((newer) => (newer === '' ? text : newer))
  }
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      {/* The copy behind the field gives it its height: text areas do not grow by themselves. */}
      <div className={styles.grow} data-text={`${text}\n`}>
        <textarea
          ref={field}
          rows={1}
          aria-label="Message"
          placeholder="Write a message"
          value={text}
          onChange={(event) => {
            setText(event.target.value)
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
            event.preventDefault()
            void send()
          }}
        />
      </div>
      {onStop !== null ? (
        <button
          type="button"
          className={styles.stop}
          aria-label="Stop"
          title="Stop (Esc)"
          onClick={onStop}
        >
          <Icon name="stop" />
        </button>
      ) : (
        <button
          type="submit"
          className={styles.send}
          aria-label="Send"
          title="Send (Enter)"
          disabled={busy || text.trim() === ''}
        >
          <Icon name="send" />
        </button>
      )}
    </form>
  )
}
