/** All tools that agents could have: found by words, shown one by one. */

import { useDeferredValue, useState } from 'react'
import { Link } from 'wouter'

import type { Tool } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Icon } from '@/shared/ui/icon'
import { Notice } from '@/shared/ui/notice'

import { useTools } from '../api/use-tools'
import styles from './tools.module.css'

export function ToolsList() {
  const [written, setWritten] = useState('')
  const words = useDeferredValue(written.trim())
  const tools = useTools(words)
  const found = tools.data ?? []
  return (
    <div className={styles.page}>
      <h1>Tools</h1>
      <label className={styles.search}>
        <Icon name="search" size={16} />
        <span className="visually-hidden">Find tools</span>
        <input
          type="search"
          placeholder="What should a tool do?"
          value={written}
          onChange={(event) => {
            setWritten(event.target.value)
          }}
        />
      </label>
      {tools.isError && <Notice tone="problem" title={tools.error.message} />}
      {tools.isSuccess && found.length === 0 && <p className={styles.quiet}>No tool fits.</p>}
      <ul className={styles.list} aria-busy={tools.isPlaceholderData}>
        {found.map((tool) => (
          <li key={tool.name}>
            <ToolRow tool={tool} />
          </li>
        ))}
      </ul>
      {tools.hasNextPage && (
        <Button disabled={tools.isFetchingNextPage} onClick={() => void tools.fetchNextPage()}>
          Show more
        </Button>
      )}
    </div>
  )
}

function ToolRow({ tool }: { tool: Tool }) {
  const origin = tool.versions[0]?.origin
  return (
    <Link href={`/tools/${encodeURIComponent(tool.name)}`} className={styles.row}>
      <span className={styles.head}>
        <code>{tool.name}</code>
        {tool.versions.map((version) => (
          <span key={`${version.version} ${version.origin}`} className={styles.tag}>
            {version.version}
          </span>
        ))}
        {origin !== undefined && <span className={styles.origin}>{origin}</span>}
      </span>
      <span className={tool.problem == null ? styles.summary : styles.problem}>
        {tool.problem ?? tool.summary}
      </span>
    </Link>
  )
}
