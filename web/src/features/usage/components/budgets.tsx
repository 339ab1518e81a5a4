/** The budgets: how much each allows, what is left of it, and the forms that make and change them. */

import { type ReactNode, useState } from 'react'

import type { Balance, Budget } from '@/shared/api/types'
import { useMay } from '@/shared/api/use-may'
import { Added } from '@/shared/ui/added'
import { Button } from '@/shared/ui/button'
import { Edited } from '@/shared/ui/edited'
import { Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { budgetAddress, USAGE, useAddBudget, useBalances, useBudgets } from '../api/use-usage'
import { budgetOf, budgetWords } from '../state/budget-drafts'
import { Balances } from './balances'
import { BudgetForm } from './budget-form'

export function Budgets() {
  const budgets = useBudgets()
  const balances = useBalances()
  const may = useMay('budgets.write')
  const add = useAddBudget()
  if (budgets.data === undefined) return <Wrong error={budgets.error} />
  return (
    <section aria-labelledby="budgets">
      <h2 id="budgets">Budgets</h2>
      <p className={page.quiet}>
        What may be consumed before work is refused. Without budgets, nothing is.
      </p>
      {may && (
        <Added by={add} words="Add budget">
          {({ save, actions }) => (
            <BudgetForm
              actions={actions}
              onSubmit={(draft) => {
                save({ name: draft.name.trim(), body: budgetOf(draft) })
              }}
            />
          )}
        </Added>
      )}
      <Wrong error={balances.error} />
      <ul className={page.list}>
        {budgets.data.map((budget) => (
          <BudgetRow
            key={budget.name}
            budget={budget}
            balances={(balances.data ?? []).filter((each) => each.budget === budget.name)}
            changeable={may && budget.source === 'api'}
          />
        ))}
      </ul>
    </section>
  )
}

function BudgetRow({
  budget,
  balances,
  changeable,
}: {
  budget: Budget
  balances: Balance[]
  changeable: boolean
}) {
  const [open, setOpen] = useState(false)
  return (
    <li className={page.row}>
      <div>
        <p className={page.head}>
          <strong>{budget.name}</strong>
          {budget.source === 'file' && <span className={page.tag}>muxi.yaml</span>}
        </p>
        <p className={page.quiet}>{budgetWords(budget)}</p>
      </div>
      {changeable && !open && (
        <Button
          onClick={() => {
            setOpen(true)
          }}
        >
          Change
        </Button>
      )}
      {open && (
        <Changing
          budget={budget}
          onClose={() => {
            setOpen(false)
          }}
        />
      )}
      <Balances of={balances} />
    </li>
  )
}

function Changing({ budget, onClose }: { budget: Budget; onClose: () => void }): ReactNode {
  return (
    <section className={page.unfolded} aria-label={`Change ${budget.name}`}>
      <Edited<Budget>
        path={budgetAddress(budget.name)}
        stale={USAGE}
        removal={{
          title: `Remove ${budget.name}?`,
          text: 'It bounds nobody any more. What was consumed stays counted.',
        }}
        onClose={onClose}
      >
        {({ item, save, actions }) => (
          <BudgetForm
            budget={item}
            actions={actions}
            onSubmit={(draft) => {
              save(budgetOf(draft))
            }}
          />
        )}
      </Edited>
    </section>
  )
}
