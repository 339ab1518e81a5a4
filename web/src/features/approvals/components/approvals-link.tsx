import { Link } from 'wouter'

import { Icon } from '@/shared/ui/icon'

import { useApprovals } from '../api/use-approvals'
import styles from './approvals.module.css'

/** The way to the list, with how much waits there. */
export function ApprovalsLink({ current }: { current: boolean }) {
  const approvals = useApprovals()
  const count = approvals.data?.length ?? 0
  return (
    <Link href="/approvals" className={styles.link} aria-current={current ? 'page' : undefined}>
      <Icon name="hand" />
      Approvals
      {count > 0 && (
        <span className={styles.count}>
          {count}
          {approvals.hasNextPage && '+'}
          <span className="visually-hidden"> waiting</span>
        </span>
      )}
    </Link>
  )
}
