/** A way to another screen, in the sidebar. */

import type { ReactNode } from 'react'
import { Link } from 'wouter'

import { Icon, type IconName } from './icon'
import styles from './nav-link.module.css'

export function NavLink({
  href,
  icon,
  current,
  children,
}: {
  href: string
  icon: IconName
  current: boolean
  children: ReactNode
}) {
  return (
    <Link href={href} className={styles.link} aria-current={current ? 'page' : undefined}>
      <Icon name={icon} />
      {children}
    </Link>
  )
}
