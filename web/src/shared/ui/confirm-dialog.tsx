/** Asks before something is done that cannot be undone. */

import { useEffect, useId, useRef } from 'react'

import { Button } from './button'
import styles from './confirm-dialog.module.css'

export function ConfirmDialog({
  title,
  text,
  action,
  look = 'danger',
  onConfirm,
  onClose,
}: {
  title: string
  text: string
  action: string
  look?: 'danger' | 'primary'
  onConfirm: () => void
  onClose: () => void
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog ref={dialog} className={styles.dialog} aria-labelledby={titleId} onClose={onClose}>
      <h2 id={titleId}>{title}</h2>
      <p>{text}</p>
      <div className={styles.actions}>
        <Button onClick={() => dialog.current?.close()}>Cancel</Button>
        <Button
          look={look}
          onClick={() => {
            onConfirm()
            dialog.current?.close()
          }}
        >
          {action}
        </Button>
      </div>
    </dialog>
  )
}
