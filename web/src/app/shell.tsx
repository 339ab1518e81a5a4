/** The frame around every screen: the sidebar, and on a phone the drawer that it becomes. */

import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'
import { Link, useLocation, useRoute } from 'wouter'

import { ApprovalsLink } from '@/features/approvals/components/approvals-link'
import { ProjectName } from '@/features/project/components/project-name'
import { ServersLink } from '@/features/servers/components/servers-link'
import { ThreadList } from '@/features/threads/components/thread-list'
import { IconButton } from '@/shared/ui/button'
import { Icon } from '@/shared/ui/icon'
import { Mark } from '@/shared/ui/mark'
import { NavLink } from '@/shared/ui/nav-link'
import { ThemeSwitch } from '@/shared/ui/theme-switch'

import styles from './shell.module.css'

/** The pages about who may use the project, which share a place in the sidebar. */
const PEOPLE = /^\/(people|groups|roles|audit)(\/|$)/

const OpenSidebar = createContext<() => void>(() => undefined)

export function Shell({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState(false)
  const [location, navigate] = useLocation()
  const [, route] = useRoute('/t/:id')
  const [shownAt, setShownAt] = useState(location)
  if (shownAt !== location) {
    setShownAt(location)
    setOpen(false)
  }
  useNewChatKey(() => {
    navigate('/')
  })
  return (
    <OpenSidebar
      value={() => {
        setOpen(true)
      }}
    >
      <div className={styles.shell} data-open={open}>
        <aside className={styles.sidebar} aria-label="Sidebar">
          <div className={styles.brand}>
            <Link href="/" className={styles.wordmark}>
              <Mark size={26} />
              <span>muxi</span>
            </Link>
            <span className={styles.closer}>
              <IconButton
                icon="close"
                label="Close the sidebar"
                onClick={() => {
                  setOpen(false)
                }}
              />
            </span>
          </div>
          <Link href="/" className={styles.newChat}>
            <Icon name="plus" />
            New chat
            <kbd>Ctrl K</kbd>
          </Link>
          <ApprovalsLink current={location === '/approvals'} />
          <NavLink href="/tools" icon="tool" current={location.startsWith('/tools')}>
            Tools
          </NavLink>
          <NavLink href="/people" icon="people" current={PEOPLE.test(location)}>
            People and keys
          </NavLink>
          <NavLink href="/credentials" icon="key" current={location.startsWith('/credentials')}>
            Your credentials
          </NavLink>
          <ServersLink current={location.startsWith('/servers')} />
          <NavLink href="/usage" icon="chart" current={location === '/usage'}>
            Usage
          </NavLink>
          <ThreadList
            current={route?.id ?? null}
            onDeleted={(id) => {
              if (id === route?.id) navigate('/')
            }}
          />
          <div className={styles.foot}>
            <ProjectName />
            <ThemeSwitch />
          </div>
        </aside>
        <button
          type="button"
          className={styles.veil}
          aria-label="Close the sidebar"
          tabIndex={-1}
          onClick={() => {
            setOpen(false)
          }}
        />
        {children}
      </div>
    </OpenSidebar>
  )
}

/** A screen's header; on a phone it holds the button that opens the sidebar. */
export function Header({ children }: { children: ReactNode }) {
  const openSidebar = useContext(OpenSidebar)
  return (
    <header className={styles.header}>
      <span className={styles.opener}>
        <IconButton icon="menu" label="Open the sidebar" onClick={openSidebar} />
      </span>
      {children}
    </header>
  )
}

/** A screen that is a page beside the conversation. */
export function PageScreen({ children }: { children: ReactNode }) {
  return (
    <main className={styles.page}>
      <Header>{null}</Header>
      {children}
    </main>
  )
}

function useNewChatKey(act: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      act()
    }
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
    }
  })
}
