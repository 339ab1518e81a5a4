/** What is typed of a budget, new or changed. */

import type { ReactNode } from 'react'

import type { Budget } from '@/shared/api/types'
import { Field, Select } from '@/shared/ui/field'
import { Form, useDraft } from '@/shared/ui/form'

import {
  BOUNDS,
  type BudgetDraft,
  boundWords,
  draftOfBudget,
  isOfMany,
  NEW_BUDGET,
  PERIODS,
} from '../state/budget-drafts'

export function BudgetForm({
  budget,
  actions,
  onSubmit,
}: {
  /** What is changed; its name stands beside the form. None for a new one. */
  budget?: Budget
  actions: ReactNode
  onSubmit: (draft: BudgetDraft) => void
}) {
  const { draft, field } = useDraft(budget === undefined ? NEW_BUDGET : draftOfBudget(budget))
  const ofRuns = draft.per === 'run'
  const amount = { type: 'number', step: 'any', placeholder: 'no limit' } as const
  return (
    <Form
      onSubmit={() => {
        onSubmit(draft)
      }}
    >
      {budget === undefined && <Field label="Name" {...field('name')} required />}
      <Select label="For" options={BOUNDS} words={boundWords} {...field('per')} />
      {isOfMany(draft.per) && (
        <Field label={`Only the ${draft.per}`} {...field('only')} placeholder="all of them" />
      )}
      {!ofRuns && <Select label="Every" options={PERIODS} {...field('every')} />}
      {!ofRuns && <Field label="Time zone" {...field('time_zone')} placeholder="UTC" />}
      <Field label="US dollars" {...field('cost')} {...amount} />
      <Field label="Tokens" {...field('tokens')} {...amount} />
      {!ofRuns && <Field label="Runs" {...field('runs')} {...amount} />}
      <Field label="Seconds" {...field('seconds')} {...amount} />
      {actions}
    </Form>
  )
}
