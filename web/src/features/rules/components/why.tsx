/** Asks whether somebody may do something, and tells why. */

import { type SyntheticEvent, useState } from 'react'

import type { Verdict } from '@/shared/api/types'
import { Button } from '@/shared/ui/button'
import { Field } from '@/shared/ui/field'
import { Notice } from '@/shared/ui/notice'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useVerdict } from '../api/use-rules'

export function Why() {
  const verdict = useVerdict()
  const [action, setAction] = useState('')
  const [resource, setResource] = useState('')
  const [user, setUser] = useState('')
  const [agent, setAgent] = useState('')
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault()
    const [name = '', ...rest] = action.trim().split(':')
    verdict.mutate({
      action: name,
      resource: resource.trim() || rest.join(':'),
      user: user.trim(),
      agent: agent.trim(),
    })
  }
  return (
    <section aria-labelledby="why">
      <h2 id="why">Who may do what?</h2>
      <form className={page.form} onSubmit={submit}>
        <Field label="User" value={user} onChange={setUser} placeholder="yourself" />
        <Field
          label="Action"
          value={action}
          onChange={setAction}
          list="actions"
          placeholder="such as tools.use"
          required
        />
        <Field label="Upon" value={resource} onChange={setResource} placeholder="anything" />
        <Field label="In a run of" value={agent} onChange={setAgent} placeholder="no agent" />
        <Button type="submit" look="primary" disabled={verdict.isPending}>
          Ask
        </Button>
        <Wrong error={verdict.error} />
        {verdict.data !== undefined && <Answer verdict={verdict.data} />}
      </form>
    </section>
  )
}

function Answer({ verdict }: { verdict: Verdict }) {
  const more = verdict.because.filter((words) => !verdict.reason.includes(words))
  return (
    <Notice
      tone={verdict.allowed ? 'info' : 'warning'}
      title={`${verdict.allowed ? 'Yes.' : 'No.'} ${verdict.reason}`}
      hint={more.join('; ')}
    />
  )
}
