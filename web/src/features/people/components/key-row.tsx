/** One key in a list: what it is good for, and what can be done with it. */

import { useState } from 'react'

import type { Key, NewKey } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { ConfirmDialog } from '@/shared/ui/confirm-dialog'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useRevoke, useRotate } from '../api/use-keys'
import { isOver, lifeWords, scopeWords } from '../state/key-words'

export function KeyRow({
  item,
  now,
  onRotated,
}: {
  item: Key
  now: number
  onRotated: (key: NewKey) => void
}) {
  const revoke = useRevoke()
  const rotate = useRotate()
  const [asking, setAsking] = useState<'revoke' | 'rotate' | null>(null)
  const name = item.name === '' ? item.id : item.name
  const close = (): void => {
    setAsking(null)
  }
  return (
    <li className={page.row} data-off={isOver(item, now)}>
      <div>
        <strong>{name}</strong>
        <p className={page.quiet}>
          {scopeWords(item)} · {lifeWords(item, now)}
        </p>
        <Wrong error={revoke.error ?? rotate.error} />
      </div>
      <span className={page.buttons}>
        {item.replaced_by == null && !isOver(item, now) && (
          <Button
            disabled={rotate.isPending}
            onClick={() => {
              setAsking('rotate')
            }}
          >
            Rotate
          </Button>
        )}
        <Button
          look="grave"
          disabled={revoke.isPending}
          onClick={() => {
            setAsking('revoke')
          }}
        >
          Revoke
        </Button>
      </span>
      {asking === 'rotate' && (
        <ConfirmDialog
          title={`Rotate ${name}?`}
          text="A new key takes its place. The old one stays good for a day, so that programs can change over."
          action="Rotate"
          look="primary"
          onConfirm={() => {
            rotate.mutate(item.id, { onSuccess: onRotated })
          }}
          onClose={close}
        />
      )}
      {asking === 'revoke' && (
        <ConfirmDialog
          title={`Revoke ${name}?`}
          text="Programs that use it are refused at once."
          action="Revoke"
          onConfirm={() => {
            revoke.mutate(item.id)
          }}
          onClose={close}
        />
      )}
    </li>
  )
}
