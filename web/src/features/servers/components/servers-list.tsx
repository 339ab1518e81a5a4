/** All MCP servers of the project, and how each is doing. */

import { Link } from 'wouter'

import type { McpServer } from '@/shared/api/types'
import { Page, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useServers } from '../api/use-servers'
import { stateWords } from '../state/server-words'
import styles from './servers.module.css'

export function ServersList() {
  const servers = useServers()
  return (
    <Page title="MCP servers">
      <Wrong error={servers.error} />
      {servers.data?.length === 0 && (
        <p className={page.quiet}>
          This project uses no MCP servers. Declare them under <code>mcp: servers:</code> in
          muxi.yaml, or take over those of another program with <code>muxi mcp import</code>.
        </p>
      )}
      <ul className={page.list}>
        {servers.data?.map((server) => (
          <li key={server.name}>
            <ServerRow server={server} />
          </li>
        ))}
      </ul>
    </Page>
  )
}

function ServerRow({ server }: { server: McpServer }) {
  const count = server.tools.length
  return (
    <Link href={`/servers/${encodeURIComponent(server.name)}`} className={page.link}>
      <span className={page.head}>
        <strong>{server.name}</strong>
        <ServerState server={server} />
        {server.held_back > 0 && <span className={styles.held}>{server.held_back} to approve</span>}
        <span className={page.aside}>
          {count} {count === 1 ? 'tool' : 'tools'}
        </span>
      </span>
      <span className={server.detail === '' ? page.quiet : page.problem}>
        {server.detail === '' ? server.target : server.detail}
      </span>
    </Link>
  )
}

export function ServerState({ server }: { server: McpServer }) {
  const { words, tone } = stateWords(server)
  return (
    <span className={styles.state} data-tone={tone}>
      {words}
    </span>
  )
}
