/** One group in a list: what it is, the form that changes it, and who is in it. */

import { type ReactNode, useId, useState } from 'react'

import type { Group } from '@/shared/api/types'
import { Button, IconButton } from '@/shared/ui/button'
import { Edited, type Editing } from '@/shared/ui/edited'
import { Field } from '@/shared/ui/field'
import { Form } from '@/shared/ui/form'
import { ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { groupAddress, useMembers, useMembership } from '../api/use-groups'
import { PEOPLE, useUsers } from '../api/use-people'
import styles from './people.module.css'

export function GroupRow({
  group,
  changeable,
  form,
}: {
  group: Group
  changeable: boolean
  form: (editing: Editing<Group>) => ReactNode
}) {
  const [open, setOpen] = useState(false)
  const roles = group.roles.length === 0 ? 'no roles' : group.roles.join(', ')
  const about = [group.description, roles].filter((words) => words !== '').join(' · ')
  return (
    <li className={page.row}>
      <div>
        <strong>{group.name}</strong>
        <p className={page.quiet}>{about}</p>
      </div>
      {!open && (
        <Button
          onClick={() => {
            setOpen(true)
          }}
        >
          {changeable ? 'Change' : 'Members'}
        </Button>
      )}
      {open && (
        <section className={page.unfolded} aria-label={`Change ${group.name}`}>
          {changeable && (
            <Edited<Group>
              path={groupAddress(group.name)}
              stale={PEOPLE}
              removal={{
                title: `Remove ${group.name}?`,
                text: 'Whoever is in it loses its roles at once.',
              }}
              onClose={() => {
                setOpen(false)
              }}
            >
              {form}
            </Edited>
          )}
          <Members group={group.name} changeable={changeable} />
        </section>
      )}
    </li>
  )
}

function Members({ group, changeable }: { group: string; changeable: boolean }) {
  const members = useMembers(group)
  const change = useMembership(group)
  return (
    <>
      <h3>Members</h3>
      <Wrong error={members.error ?? change.error} />
      {members.data?.length === 0 && <p className={page.quiet}>Nobody yet.</p>}
      <ul className={styles.members}>
        {members.data?.map(({ id }) => (
          <li key={id} className={page.tag}>
            {id}
            {changeable && (
              <IconButton
                icon="close"
                size={12}
                label={`Remove ${id}`}
                disabled={change.isPending}
                onClick={() => {
                  change.mutate({ user: id, member: false })
                }}
              />
            )}
          </li>
        ))}
      </ul>
      <ShowMore of={members} />
      {changeable && (
        <NewMember
          busy={change.isPending}
          onAdd={(user, done) => {
            change.mutate({ user, member: true }, { onSuccess: done })
          }}
        />
      )}
    </>
  )
}

function NewMember({
  busy,
  onAdd,
}: {
  busy: boolean
  onAdd: (user: string, done: () => void) => void
}) {
  const users = useUsers()
  const [user, setUser] = useState('')
  const list = useId()
  return (
    <Form
      label="New member"
      onSubmit={() => {
        onAdd(user.trim(), () => {
          setUser('')
        })
      }}
    >
      <datalist id={list}>
        {users.data?.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </datalist>
      <Field label="User" value={user} onChange={setUser} list={list} required />
      <Button type="submit" disabled={busy}>
        Add member
      </Button>
    </Form>
  )
}
