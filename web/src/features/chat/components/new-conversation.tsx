/** Before a conversation exists: a greeting, and its first message makes it. */

import { type ReactNode, useState } from 'react'

import { ApiProblem } from '@/shared/api/http'
import { Notice } from '@/shared/ui/notice'

import { createThread, startRun } from '../api/conversation-api'
import { titleFrom } from '../state/title'
import { ChatFrame } from './chat-frame'
import styles from './chat-frame.module.css'
import { Composer } from './composer'
import { EmptyState } from './empty-state'
import { Transcript } from './transcript'
import { UserBubble } from './turn-view'

interface NewConversationProps {
  agent: string | null
  header: ReactNode
  note: ReactNode
  onCreated: (threadId: string) => void
}

export function NewConversation({ agent, header, note, onCreated }: NewConversationProps) {
  const [sending, setSending] = useState<string | null>(null)
  const [problem, setProblem] = useState<ApiProblem | null>(null)

  const send = async (text: string): Promise<boolean> => {
    setSending(text)
    setProblem(null)
    try {
      const thread = await createThread(titleFrom(text), agent)
      await startRun({ text, agent, threadId: thread.id })
      onCreated(thread.id)
      return true
    } catch (error) {
      setSending(null)
      setProblem(error instanceof ApiProblem ? error : new ApiProblem(0, { detail: String(error) }))
      return false
    }
  }
  return (
    <ChatFrame
      header={header}
      notices={
        problem !== null && <Notice tone="problem" title={problem.message} hint={problem.hint} />
      }
      composer={<Composer busy={sending !== null} onSend={send} onStop={null} />}
    >
      {sending === null ? (
        <div className={styles.middle}>
          <EmptyState note={note} onStart={(prompt) => void send(prompt)} />
        </div>
      ) : (
        <Transcript>
          <UserBubble text={sending} pending />
        </Transcript>
      )}
    </ChatFrame>
  )
}
