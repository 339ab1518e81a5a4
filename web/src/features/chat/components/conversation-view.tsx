/** A conversation that exists: its turns, what is running, and the composer. */

import { type ReactNode, useEffect } from 'react'
import { Link } from 'wouter'

import { Button } from '@/shared/ui/button'
import { Notice } from '@/shared/ui/notice'

import type { Snapshot } from '../state/conversation-session'
import { useConversation } from '../state/use-conversation'
import { ChatFrame } from './chat-frame'
import { Composer } from './composer'
import { Transcript } from './transcript'
import { TurnView, UserBubble } from './turn-view'

interface ConversationViewProps {
  threadId: string
  agent: string | null
  header: ReactNode
  onRunEnded: () => void
}

export function ConversationView({ threadId, agent, header, onRunEnded }: ConversationViewProps) {
  const { session, snapshot } = useConversation(threadId, onRunEnded)
  const running = snapshot.status === 'running'
  useEscape(running, () => void session.cancel())

  const send = (text: string): Promise<boolean> => session.send(text, agent)
  const idle = snapshot.status === 'idle'
  return (
    <ChatFrame
      header={header}
      notices={
        <Notices
          snapshot={snapshot}
          onReload={() => void session.load()}
          onDismiss={session.dismissProblem}
        />
      }
      composer={
        <Composer
          busy={!idle || snapshot.sending !== null || snapshot.phase === 'loading'}
          onSend={send}
          onStop={idle ? null : () => void session.cancel()}
        />
      }
    >
      <Transcript>
        {snapshot.turns.map((turn, index) => (
          <TurnView
            key={turn.key}
            turn={turn}
            onDecide={session.decide}
            onRetry={idle && index === snapshot.turns.length - 1 ? (text) => void send(text) : null}
          />
        ))}
        {snapshot.sending !== null && <UserBubble text={snapshot.sending} pending />}
      </Transcript>
      <p className="visually-hidden" role="status">
        {announcement(snapshot)}
      </p>
    </ChatFrame>
  )
}

/** Read aloud when it changes; single tokens would be noise. */
function announcement({ phase, status, turns }: Snapshot): string {
  if (phase === 'loading') return 'Loading the conversation'
  if (status === 'running') return 'The answer is being written'
  if (status === 'waiting') return 'Your approval is needed'
  return turns.length > 0 ? 'The answer is complete' : ''
}

function Notices({
  snapshot,
  onReload,
  onDismiss,
}: {
  snapshot: Snapshot
  onReload: () => void
  onDismiss: () => void
}) {
  if (snapshot.problem !== null) {
    return (
      <Notice tone="problem" title={snapshot.problem.message} hint={snapshot.problem.hint}>
        {snapshot.phase === 'failed' && snapshot.problem.status === 404 ? (
          <Link href="/">Begin a new conversation</Link>
        ) : (
          <Button onClick={onReload}>Load again</Button>
        )}
        {snapshot.phase === 'ready' && (
          <Button look="quiet" onClick={onDismiss}>
            Dismiss
          </Button>
        )}
      </Notice>
    )
  }
  if (snapshot.connected) return null
  return (
    <Notice
      tone="info"
      title="The connection was lost; trying again…"
      hint="The answer goes on meanwhile and will be shown in full."
    />
  )
}

function useEscape(active: boolean, act: () => void): void {
  useEffect(() => {
    if (!active) return
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented) act()
    }
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
    }
  })
}
