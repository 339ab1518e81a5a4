import { useRef, useState } from 'react'
import { Link } from 'wouter'

import type { Thread } from '@/shared/api/types'
import { IconButton } from '@/shared/ui/button'

import { titleOf } from '../state/groups'
import styles from './thread-list.module.css'

interface ThreadRowProps {
  thread: Thread
  current: boolean
  onRename: (title: string) => void
  onDelete: () => void
}

export function ThreadRow({ thread, current, onRename, onDelete }: ThreadRowProps) {
  const [editing, setEditing] = useState(false)
  if (editing) {
    return (
      <li>
        <TitleInput
          title={titleOf(thread)}
          onDone={(title) => {
            setEditing(false)
            if (title !== null && title !== titleOf(thread)) onRename(title)
          }}
        />
      </li>
    )
  }
  return (
    <li className={styles.row} data-current={current}>
      <Link href={`/t/${thread.id}`} aria-current={current ? 'page' : undefined}>
        {titleOf(thread)}
      </Link>
      <span className={styles.actions}>
        <IconButton
          icon="pencil"
          size={15}
          label={`Rename ${titleOf(thread)}`}
          onClick={() => {
            setEditing(true)
          }}
        />
        <IconButton icon="trash" size={15} label={`Delete ${titleOf(thread)}`} onClick={onDelete} />
      </span>
    </li>
  )
}

/** Enter and leaving the field keep the title, Escape does not. */
function TitleInput({ title, onDone }: { title: string; onDone: (title: string | null) => void }) {
  const dropped = useRef(false)
  return (
    <input
      className={styles.rename}
      aria-label="Title of the conversation"
      defaultValue={title}
      maxLength={200}
      ref={(input) => {
        input?.focus()
        input?.select()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') dropped.current = true
        if (event.key === 'Escape' || event.key === 'Enter') event.currentTarget.blur()
        event.stopPropagation()
      }}
      onBlur={(event) => {
        const written = event.target.value.trim()
        onDone(dropped.current || written === '' ? null : written)
      }}
    />
  )
}
