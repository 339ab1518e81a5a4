/** A page beside the conversation: its frame, its heading, and what lists of pages have. */

import type { ReactNode } from 'react'
import { Link } from 'wouter'

import { Button } from './button'
import { Notice } from './notice'
import styles from './page.module.css'

export function Page({
  title,
  aside,
  back,
  wide = false,
  children,
}: {
  title: ReactNode
  /** Stands beside the title. */
  aside?: ReactNode
  /** The page that this one is a part of. */
  back?: { href: string; words: string }
  wide?: boolean
  children: ReactNode
}) {
  return (
    <div className={styles.page} data-wide={wide}>
      {back !== undefined && (
        <Link href={back.href} className={styles.back}>
          {back.words}
        </Link>
      )}
      <div className={styles.title}>
        <h1>{title}</h1>
        {aside}
      </div>
      {children}
    </div>
  )
}

/** What went wrong, if anything did. */
export function Wrong({ error }: { error: Error | null }) {
  return error === null ? null : <Notice tone="problem" title={error.message} />
}

/** The button that fetches the next part of a list, as long as there is one. */
export function ShowMore({
  of,
}: {
  of: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> }
}) {
  if (!of.hasNextPage) return null
  return (
    <Button disabled={of.isFetchingNextPage} onClick={() => void of.fetchNextPage()}>
      Show more
    </Button>
  )
}
