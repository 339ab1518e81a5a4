/** Everything that runs ask, the oldest first: each can be answered here. */

import { Link } from 'wouter'

import type { Decision } from '@/shared/api/types'
import { ApprovalCard } from '@/shared/approvals/approval-card'
import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'
import { Page, ShowMore, Wrong } from '@/shared/ui/page'
import page from '@/shared/ui/page.module.css'

import { useApprovals, useDecide } from '../api/use-approvals'
import styles from './approvals.module.css'

export function ApprovalsList() {
  const approvals = useApprovals()
  const decide = useDecide()
  const onDecide = (id: string, decision: Decision): Promise<boolean> =>
    decide.mutateAsync({ id, decision }).then(
      () => true,
      () => false,
    )
  return (
    <Page title="Approvals">
      {decide.isError && (
        <Notice tone="problem" title={decide.error.message}>
          <Button
            look="quiet"
            onClick={() => {
              decide.reset()
            }}
          >
            Dismiss
          </Button>
        </Notice>
      )}
      <Wrong error={approvals.error} />
      {approvals.data?.length === 0 && (
        <p className={page.quiet}>Nothing waits for you. What runs ask will appear here.</p>
      )}
      <ul className={styles.list}>
        {(approvals.data ?? []).map((approval) => (
          <li key={approval.id}>
            <ApprovalCard approval={approval} onDecide={onDecide} />
            <p className={styles.where}>
              {approval.agent !== '' && `Asked by ${approval.agent} · `}
              <Link href={`/t/${approval.thread_id}`}>Open the conversation</Link>
            </p>
          </li>
        ))}
      </ul>
      <ShowMore of={approvals} />
    </Page>
  )
}
