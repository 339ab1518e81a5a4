/** A form for something as it is now: what somebody else makes of it meanwhile is not overwritten. */

import type { QueryKey } from '@tanstack/react-query'
import { Fragment, type ReactNode, useState } from 'react'

import { isOvertaken } from '../api/http'
import { useEdit } from '../api/use-edit'
import { Button } from './button'
import { ConfirmDialog } from './confirm-dialog'
import { Notice } from './notice'
import { Wrong } from './page'

export interface Editing<Item> {
  item: Item
  busy: boolean
  /** Store what was typed. */
  save: (body: unknown) => void
  /** The form's buttons. */
  actions: ReactNode
}

/** What removing means, for whoever is asked whether to. */
export interface Removal {
  title: string
  text: string
}

export function Edited<Item>({
  path,
  stale,
  method = 'PUT',
  removal,
  onClose,
  onRemoved = onClose,
  children,
}: {
  path: string
  /** What is out of date once it has changed. */
  stale: QueryKey
  method?: 'PUT' | 'PATCH'
  removal?: Removal | undefined
  /** Leaves the form; without it the form stays. */
  onClose?: (() => void) | undefined
  onRemoved?: (() => void) | undefined
  children: (editing: Editing<Item>) => ReactNode
}) {
  const { current, change } = useEdit<Item>(path, stale)
  const overtaken = isOvertaken(change.error)
  const busy = change.isPending
  const actions = (
    <>
      <Button type="submit" look="primary" disabled={busy}>
        Save
      </Button>
      {onClose !== undefined && <Button onClick={onClose}>Cancel</Button>}
      {removal !== undefined && (
        <Remove
          removal={removal}
          busy={busy}
          onConfirm={() => {
            change.mutate({ method: 'DELETE' }, { onSuccess: onRemoved })
          }}
        />
      )}
    </>
  )
  const save = (body: unknown): void => {
    change.mutate({ method, body }, { onSuccess: onClose })
  }
  return (
    <>
      <Wrong error={current.error} />
      {overtaken && (
        <Notice
          tone="warning"
          title="Somebody else changed this meanwhile, so your change was not made."
          hint="Here is how it is now."
        />
      )}
      {current.data !== undefined && (
        <Fragment key={current.data.tag}>
          {children({ item: current.data.item, busy, save, actions })}
        </Fragment>
      )}
      {!overtaken && <Wrong error={change.error} />}
    </>
  )
}

function Remove({
  removal,
  busy,
  onConfirm,
}: {
  removal: Removal
  busy: boolean
  onConfirm: () => void
}) {
  const [asking, setAsking] = useState(false)
  return (
    <>
      <Button
        look="grave"
        disabled={busy}
        onClick={() => {
          setAsking(true)
        }}
      >
        Remove
      </Button>
      {asking && (
        <ConfirmDialog
          {...removal}
          action="Remove"
          onConfirm={onConfirm}
          onClose={() => {
            setAsking(false)
          }}
        />
      )}
    </>
  )
}
