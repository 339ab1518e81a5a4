/** One tool: what it does and may touch, who may use it, and each of its versions. */

import type { Tool, ToolVersion } from '@/shared/api/types'
import { HintText } from '@/shared/ui/hint-text'
import { Notice } from '@/shared/ui/notice'
import { Page, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useTool } from '../api/use-tools'
import { argumentsOf, effects, permissions } from '../state/tool-words'
import styles from './tools.module.css'

export function ToolDetails({ name }: { name: string }) {
  const tool = useTool(name)
  return (
    <Page title={<code>{name}</code>} back={{ href: '/tools', words: 'All tools' }}>
      <Wrong error={tool.error} />
      {tool.isSuccess && <Known tool={tool.data} />}
    </Page>
  )
}

function Known({ tool }: { tool: Tool }) {
  const facts: [string, string][] = [
    ['Agents', tool.agents.join(', ') || 'None'],
    ...permissions(tool),
  ]
  const notes = tool.manifest?.notes ?? ''
  return (
    <>
      {tool.title != null && <p className={styles.title}>{tool.title}</p>}
      {tool.problem != null && <Notice tone="warning" title={tool.problem} />}
      {notes !== '' && <p className={page.quiet}>{notes}</p>}
      <Facts rows={facts} />
      {tool.versions.map((version) => (
        <Version key={`${version.version} ${version.origin}`} version={version} />
      ))}
    </>
  )
}

function Facts({ rows }: { rows: [string, string][] }) {
  return (
    <dl className={page.facts}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Version({ version }: { version: ToolVersion }) {
  const words = effects(version)
  return (
    <section className={styles.version} aria-label={`Version ${version.version}`}>
      <h2>
        Version {version.version}
        <span className={page.aside}>{version.origin}</span>
      </h2>
      <p className={styles.description}>
        <HintText text={version.description} />
      </p>
      {words.length > 0 && (
        <p className={styles.tags}>
          {words.map((each) => (
            <span key={each} className={page.tag}>
              {each}
            </span>
          ))}
        </p>
      )}
      <Arguments version={version} />
      <Facts
        rows={[
          ['Agents name it', `${version.entry}@${version.version}`],
          ['Tokens in a prompt', `about ${version.tokens}`],
          ['Hash', version.digest.slice(0, 16)],
        ]}
      />
      <details>
        <summary>Schema</summary>
        <pre>{JSON.stringify(version.parameters, null, 2)}</pre>
      </details>
    </section>
  )
}

function Arguments({ version }: { version: ToolVersion }) {
  const given = argumentsOf(version)
  if (given.length === 0) return <p className={page.quiet}>It takes no arguments.</p>
  return (
    <div className={styles.table}>
      <table>
        <thead>
          <tr>
            <th scope="col">Argument</th>
            <th scope="col">Type</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {given.map((each) => (
            <tr key={each.name}>
              <th scope="row">
                <code>{each.name}</code>
                {!each.needed && <span className={page.quiet}> optional</span>}
              </th>
              <td>{each.type}</td>
              <td>{each.meaning}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
