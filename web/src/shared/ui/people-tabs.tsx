/** The ways between the pages about who may use the project and what for. */

import { Link } from 'wouter'

import styles from './page.module.css'

const PAGES = [
  { href: '/people', words: 'People and keys' },
  { href: '/groups', words: 'Groups' },
  { href: '/roles', words: 'Roles and policies' },
  { href: '/audit', words: 'Audit log' },
] as const

export function PeopleTabs({ current }: { current: (typeof PAGES)[number]['href'] }) {
  return (
    <nav className={styles.tabs} aria-label="People">
      {PAGES.map(({ href, words }) => (
        <Link key={href} href={href} aria-current={href === current ? 'page' : undefined}>
          {words}
        </Link>
      ))}
    </nav>
  )
}
