/** A form for something new: it is empty again once that is made. */

import { Fragment, type ReactNode, useState } from 'react'

import { Button } from './button'
import { Wrong } from './page'

export function Added<Body, Made>({
  by,
  words,
  onMade,
  children,
}: {
  /** What makes it. */
  by: {
    mutate: (body: Body, options: { onSuccess: (made: Made) => void }) => void
    isPending: boolean
    error: Error | null
  }
  /** Of the button. */
  words: string
  onMade?: (made: Made) => void
  children: (adding: { save: (body: Body) => void; actions: ReactNode }) => ReactNode
}) {
  const [count, setCount] = useState(0)
  const save = (body: Body): void => {
    by.mutate(body, {
      onSuccess: (made) => {
        setCount((before) => before + 1)
        onMade?.(made)
      },
    })
  }
  const actions = (
    <Button type="submit" look="primary" disabled={by.isPending}>
      {words}
    </Button>
  )
  return (
    <>
      <Fragment key={count}>{children({ save, actions })}</Fragment>
      <Wrong error={by.error} />
    </>
  )
}
