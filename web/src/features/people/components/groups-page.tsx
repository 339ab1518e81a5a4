/** The groups of the project: shown, made, changed, removed; who is in them. */

import type { ReactNode } from 'react'

import type { Group } from '@/shared/api/types'
import { useMay } from '@/shared/api/use-may'
import { Added } from '@/shared/ui/added'
import { Field } from '@/shared/ui/field'
import { Form, useDraft } from '@/shared/ui/form'
import { Page, ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'
import { PeopleTabs } from '@/shared/ui/people-tabs'

import { type GroupBody, useAddGroup, useGroups } from '../api/use-groups'
import { GroupRow } from './group-row'
import { RolePicks } from './role-picks'

export function GroupsPage() {
  const groups = useGroups()
  const add = useAddGroup()
  const may = useMay('groups.write')
  return (
    <Page title="Groups">
      <PeopleTabs current="/groups" />
      <p className={page.quiet}>
        Whoever is in a group has its roles. Policies name a group as <code>@name</code>.
      </p>
      <Wrong error={groups.error} />
      {may && (
        <Added by={add} words="Add group">
          {({ save, actions }) => <GroupForm actions={actions} onSubmit={save} />}
        </Added>
      )}
      {groups.data?.length === 0 && <p className={page.quiet}>There are none yet.</p>}
      <ul className={page.list}>
        {groups.data?.map((group) => (
          <GroupRow
            key={group.name}
            group={group}
            changeable={may}
            form={({ item, save, actions }) => (
              <GroupForm
                group={item}
                actions={actions}
                onSubmit={({ description, roles }) => {
                  save({ description, roles })
                }}
              />
            )}
          />
        ))}
      </ul>
      <ShowMore of={groups} />
    </Page>
  )
}

function GroupForm({
  group,
  actions,
  onSubmit,
}: {
  /** What is changed; its name stands beside the form. None for a new one. */
  group?: Group
  actions: ReactNode
  onSubmit: (body: GroupBody) => void
}) {
  const { name = '', description = '', roles = [] } = group ?? {}
  const { draft, set, field } = useDraft({ name, description, roles })
  return (
    <Form
      onSubmit={() => {
        onSubmit({ ...draft, name: draft.name.trim() })
      }}
    >
      {group === undefined && <Field label="Name" {...field('name')} required />}
      <Field label="What it is for" {...field('description')} />
      <RolePicks
        chosen={draft.roles}
        onChange={(chosen) => {
          set({ roles: chosen })
        }}
      />
      {actions}
    </Form>
  )
}
