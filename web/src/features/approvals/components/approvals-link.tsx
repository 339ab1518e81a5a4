import { NavLink } from '@/shared/ui/nav-link'

import { useApprovals } from '../api/use-approvals'
import styles from './approvals.module.css'

/** The way to the list, with how much waits there. */
export function ApprovalsLink({ current }: { current: boolean }) {
  const approvals = useApprovals()
  const count = approvals.data?.length ?? 0
  return (
    <NavLink href="/approvals" icon="hand" current={current}>
      Approvals
      {count > 0 && (
        <span className={styles.count}>
          {count}
          {approvals.hasNextPage && '+'}
          <span className="visually-hidden"> waiting</span>
        </span>
      )}
    </NavLink>
  )
}
