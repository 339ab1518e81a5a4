/** The sidebar's list of conversations: search, rename, delete. */

import { useEffect, useId, useState } from 'react'

import type { Thread } from '@/shared/api/types'
import { ConfirmDialog } from '@/shared/ui/confirm-dialog'
import { Icon } from '@/shared/ui/icon'

import { useDeleteThread, useRenameThread, useThreads } from '../api/use-threads'
import { groupByAge, matches, titleOf } from '../state/groups'
import styles from './thread-list.module.css'
import { ThreadRow } from './thread-row'

export function ThreadList({
  current,
  onDeleted,
}: {
  current: string | null
  onDeleted: (id: string) => void
}) {
  const threads = useThreads()
  const rename = useRenameThread()
  const remove = useDeleteThread()
  const [search, setSearch] = useState('')
  const [doomed, setDoomed] = useState<Thread | null>(null)
  useWholeListWhile(search !== '', threads)

  const shown = (threads.data ?? []).filter((thread) => matches(thread, search))
  return (
    <div className={styles.list}>
      <Search value={search} onChange={setSearch} />
      <nav className={styles.scroll} aria-label="Conversations">
        {groupByAge(shown, new Date()).map((group) => (
          <section key={group.title}>
            <h2 className={styles.group}>{group.title}</h2>
            <ul>
              {group.threads.map((thread) => (
                <ThreadRow
                  key={thread.id}
                  thread={thread}
                  current={thread.id === current}
                  onRename={(title) => {
                    rename.mutate({ id: thread.id, title })
                  }}
                  onDelete={() => {
                    setDoomed(thread)
                  }}
                />
              ))}
            </ul>
          </section>
        ))}
        <ListEnd threads={threads} searching={search !== ''} found={shown.length} />
      </nav>
      {doomed !== null && (
        <ConfirmDialog
          title="Delete this conversation?"
          text={`“${titleOf(doomed)}” and its messages will be gone for good.`}
          action="Delete"
          onConfirm={() => {
            remove.mutate(doomed.id, {
              onSuccess: () => {
                onDeleted(doomed.id)
              },
            })
          }}
          onClose={() => {
            setDoomed(null)
          }}
        />
      )}
    </div>
  )
}

/** A search looks through all titles, so the pages that were not read yet are read then. */
function useWholeListWhile(wanted: boolean, threads: ReturnType<typeof useThreads>): void {
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = threads
  useEffect(() => {
    if (wanted && hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [wanted, hasNextPage, isFetchingNextPage, fetchNextPage])
}

function Search({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const id = useId()
  return (
    <div className={styles.search}>
      <label htmlFor={id} className="visually-hidden">
        Search conversations
      </label>
      <Icon name="search" size={16} />
      <input
        id={id}
        type="search"
        placeholder="Search"
        value={value}
        onChange={(event) => {
          onChange(event.target.value)
        }}
      />
    </div>
  )
}

function ListEnd({
  threads,
  searching,
  found,
}: {
  threads: ReturnType<typeof useThreads>
  searching: boolean
  found: number
}) {
  if (threads.isPending) return <p className={styles.quiet}>Loading…</p>
  if (threads.isError) return <p className={styles.quiet}>{threads.error.message}</p>
  if (found === 0) {
    return <p className={styles.quiet}>{searching ? 'Nothing found.' : 'No conversations yet.'}</p>
  }
  if (!threads.hasNextPage || searching) return null
  return (
    <button
      type="button"
      className={styles.more}
      disabled={threads.isFetchingNextPage}
      onClick={() => void threads.fetchNextPage()}
    >
      Show older
    </button>
  )
}
