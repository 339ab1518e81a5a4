/** What is shown when this page itself has a mistake: never a blank screen. */

import { Component, type ReactNode } from 'react'

import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'

import styles from './shell.module.css'

export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null }

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error }
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children
    return (
      <main className={styles.centre}>
        <Notice
          tone="problem"
          title={`This page ran into a mistake of its own: ${this.state.error.message}`}
          hint="Your conversations are safe on the server."
        >
          <Button
            onClick={() => {
              location.reload()
            }}
          >
            Load the page again
          </Button>
        </Notice>
      </main>
    )
  }
}
