/** All tools that agents could have: found by words, shown one by one. */

import { useDeferredValue, useState } from 'react'
import { Link } from 'wouter'

import type { Tool } from '@/shared/api/types'
import { Icon } from '@/shared/ui/icon'
import { Page, ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useTools } from '../api/use-tools'
import styles from './tools.module.css'

export function ToolsList() {
  const [written, setWritten] = useState('')
  const words = useDeferredValue(written.trim())
  const tools = useTools(words)
  const found = tools.data ?? []
  return (
    <Page title="Tools">
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
      <Wrong error={tools.error} />
      {tools.isSuccess && found.length === 0 && <p className={page.quiet}>No tool fits.</p>}
      <ul className={page.list} aria-busy={tools.isPlaceholderData}>
        {found.map((tool) => (
          <li key={tool.name}>
            <ToolRow tool={tool} />
          </li>
        ))}
      </ul>
      <ShowMore of={tools} />
    </Page>
  )
}

function ToolRow({ tool }: { tool: Tool }) {
  const origin = tool.versions[0]?.origin
  return (
    <Link href={`/tools/${encodeURIComponent(tool.name)}`} className={page.link}>
      <span className={page.head}>
        <code>{tool.name}</code>
        {tool.versions.map((version) => (
          <span key={`${version.version} ${version.origin}`} className={page.tag}>
            {version.version}
          </span>
        ))}
        {origin !== undefined && <span className={page.aside}>{origin}</span>}
      </span>
      <span className={tool.problem == null ? page.quiet : page.problem}>
        {tool.problem ?? tool.summary}
      </span>
    </Link>
  )
}
