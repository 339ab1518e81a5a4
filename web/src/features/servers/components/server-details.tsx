/** One MCP server: how it does, what it offers, what has changed of that, and its last words. */

import { useState } from 'react'

import type { McpServer } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'
import { Page, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useBeginLogin, useLog, useRestart, useServer } from '../api/use-servers'
import { factsOf } from '../state/server-words'
import { ServerTrust } from './server-trust'
import styles from './servers.module.css'
import { ServerState } from './servers-list'

export function ServerDetails({ name }: { name: string }) {
  const server = useServer(name)
  return (
    <Page
      title={
        <>
          {name}
          {server.isSuccess && <ServerState server={server.data} />}
        </>
      }
      back={{ href: '/servers', words: 'All MCP servers' }}
    >
      <Wrong error={server.error} />
      {server.isSuccess && <Known server={server.data} />}
    </Page>
  )
}

function Known({ server }: { server: McpServer }) {
  return (
    <>
      {server.detail !== '' && <Notice tone="warning" title={server.detail} />}
      <Actions server={server} />
      <dl className={page.facts}>
        {factsOf(server).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {server.notes.map((note) => (
        <p key={note} className={page.quiet}>
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
      <p className={page.actions}>
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
        {login.data?.url === null && <span className={page.quiet}>It wants no sign-in.</span>}
      </p>
      {problem !== null && <Notice tone="problem" title={problem.message} />}
    </>
  )
}

function Offers({ server }: { server: McpServer }) {
  const refused = Object.entries(server.refused)
  return (
    <section aria-label="Tools">
      <h2>Tools</h2>
      {server.tools.length === 0 && <p className={page.quiet}>None that agents are shown.</p>}
      <ul className={styles.tools}>
        {server.tools.map((tool) => (
          <li key={tool.name}>
            <code>{tool.name}</code>
            <span className={page.quiet}>{tool.title ?? tool.description.split('\n')[0]}</span>
          </li>
        ))}
        {refused.map(([name, why]) => (
          <li key={name}>
            <code>{name}</code>
            <span className={page.problem}>{why}</span>
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
