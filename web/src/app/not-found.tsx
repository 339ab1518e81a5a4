import { Link } from 'wouter'

import { Notice } from '@/shared/ui/notice'

import styles from './shell.module.css'

export function NotFound() {
  return (
    <div className={styles.centre}>
      <Notice tone="info" title="There is nothing at this address.">
        <Link href="/">Begin a new conversation</Link>
      </Notice>
    </div>
  )
}
