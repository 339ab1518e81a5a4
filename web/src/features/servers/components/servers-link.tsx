/** The way to the MCP servers, shown once the project has any; it says when one needs a look. */

import { NavLink } from '@/shared/ui/nav-link'

import { useServers } from '../api/use-servers'
import styles from './servers.module.css'

export function ServersLink({ current }: { current: boolean }) {
  const servers = useServers().data ?? []
  if (servers.length === 0) return null
  const waiting = servers.filter((server) => server.held_back > 0 || server.state === 'failed')
  return (
    <NavLink href="/servers" icon="server" current={current}>
      MCP servers
      {waiting.length > 0 && (
        <span className={styles.count} title="Need a look">
          {waiting.length}
        </span>
      )}
    </NavLink>
  )
}
