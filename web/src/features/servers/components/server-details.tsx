/** One MCP server: how it does, what it offers, what has changed of that, and its last words. */

import { useState } from 'react'
import { Link } from 'wouter'

import type { McpServer } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'

import { useBeginLogin, useLog, useRestart, useServer } from '../api/use-servers'
import { factsOf } from '../state/server-words'
import { ServerTrust } from './server-trust'
import styles from './servers.module.css'
import { ServerState } from './servers-list'

export function ServerDetails({ name }: { name: string }) {
  const server = useServer(name)
  return (
    <div className={styles.page}>
      <Link href="/servers" className={styles.back}>
        All MCP servers
      </Link>
      <h1 className={styles.title}>
        {name}
        {server.isSuccess && <ServerState server={server.data} />}
      </h1>
      {server.isError && <Notice tone="problem" title={server.error.message} />}
      {server.isSuccess && <Known server={server.data} />}
    </div>
  )
}

function Known({ server }: { server: McpServer }) {
  return (
    <>
      {server.detail !== '' && <Notice tone="warning" title={server.detail} />}
      <Actions server={server} />
      <dl className={styles.facts}>
        {factsOf(server).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {server.notes.map((note) => (
        <p key={note} className={styles.quiet}>
          {note}
        </p>
      ))}
      <ServerTrust name={server.name} />
      <Offers server={server} />
      <Log name={server.name} />
    </>
  )
}

function Actions({ server }: { server: McpServer }) {
  const restart = useRestart(server.name)
  const login = useBeginLogin(server.name)
  const problem = restart.error ?? login.error
  return (
    <>
      <p className={styles.actions}>
        <Button
          disabled={restart.isPending || server.state === 'off'}
          onClick={() => {
            restart.mutate()
          }}
        >
          Restart
        </Button>
        {server.transport === 'http' && !server.personal && (
          <Button
            disabled={login.isPending}
            onClick={() => {
              login.mutate()
            }}
          >
            Sign in
          </Button>
        )}
        {login.data?.url === null && <span className={styles.quiet}>It wants no sign-in.</span>}
      </p>
      {problem !== null && <Notice tone="problem" title={problem.message} />}
    </>
  )
}

function Offers({ server }: { server: McpServer }) {
  const refused = Object.entries(server.refused)
  return (
    <section aria-label="Tools">
      <h2 className={styles.heading}>Tools</h2>
      {server.tools.length === 0 && <p className={styles.quiet}>None that agents are shown.</p>}
      <ul className={styles.tools}>
        {server.tools.map((tool) => (
          <li key={tool.name}>
            <code>{tool.name}</code>
            <span className={styles.quiet}>{tool.title ?? tool.description.split('\n')[0]}</span>
          </li>
        ))}
        {refused.map(([name, why]) => (
          <li key={name}>
            <code>{name}</code>
            <span className={styles.problem}>{why}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Log({ name }: { name: string }) {
  const [shown, setShown] = useState(false)
  const log = useLog(name, shown)
  return (
    <details
      className={styles.log}
      onToggle={(event) => {
        setShown(event.currentTarget.open)
      }}
    >
      <summary>Log</summary>
      {log.isError && <Notice tone="problem" title={log.error.message} />}
      {log.isSuccess && <pre>{log.data.join('\n') || 'It has said nothing.'}</pre>}
    </details>
  )
}
