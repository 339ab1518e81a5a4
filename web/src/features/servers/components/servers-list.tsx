/** All MCP servers of the project, and how each is doing. */

import { Link } from 'wouter'

import type { McpServer } from '@/shared/api/types'
import { Notice } from '@/shared/ui/notice'

import { useServers } from '../api/use-servers'
import { stateWords } from '../state/server-words'
import styles from './servers.module.css'

export function ServersList() {
  const servers = useServers()
  return (
    <div className={styles.page}>
      <h1>MCP servers</h1>
      {servers.isError && <Notice tone="problem" title={servers.error.message} />}
      {servers.data?.length === 0 && (
        <p className={styles.quiet}>
          This project uses no MCP servers. Declare them under <code>mcp: servers:</code> in
          muxi.yaml, or take over those of another program with <code>muxi mcp import</code>.
        </p>
      )}
      <ul className={styles.list}>
        {servers.data?.map((server) => (
          <li key={server.name}>
            <ServerRow server={server} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function ServerRow({ server }: { server: McpServer }) {
  const count = server.tools.length
  return (
    <Link href={`/servers/${encodeURIComponent(server.name)}`} className={styles.row}>
      <span className={styles.head}>
        <strong>{server.name}</strong>
        <ServerState server={server} />
        {server.held_back > 0 && <span className={styles.held}>{server.held_back} to approve</span>}
        <span className={styles.origin}>
          {count} {count === 1 ? 'tool' : 'tools'}
        </span>
      </span>
      <span className={server.detail === '' ? styles.quiet : styles.problem}>
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
