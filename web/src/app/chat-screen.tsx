/** Joins the features on one screen: a conversation, its agent, the model that answers. */

import { useState } from 'react'
import { useLocation } from 'wouter'

import { ConversationView } from '@/features/chat/components/conversation-view'
import { NewConversation } from '@/features/chat/components/new-conversation'
import { useRefreshApprovals } from '@/features/approvals/api/use-approvals'
import { AgentPicker } from '@/features/project/components/agent-picker'
import { ModelBadge, SmallModelNote } from '@/features/project/components/model-badge'
import { useRefreshThreads, useThread } from '@/features/threads/api/use-threads'

import { Header } from './shell'

export function ChatScreen({ threadId }: { threadId: string | null }) {
  return threadId === null ? <BeginScreen /> : <ThreadScreen threadId={threadId} />
}

function BeginScreen() {
  const [agent, setAgent] = useState<string | null>(null)
  const [, navigate] = useLocation()
  const refreshThreads = useRefreshThreads()
  return (
    <NewConversation
      agent={agent}
      header={<ChatHeader agent={agent} onPick={setAgent} />}
      note={<SmallModelNote />}
      onCreated={(id) => {
        refreshThreads()
        navigate(`/t/${id}`)
      }}
    />
  )
}

function ThreadScreen({ threadId }: { threadId: string }) {
  const thread = useThread(threadId)
  const [picked, setPicked] = useState<string | null>(null)
  const agent = picked ?? thread.data?.agent ?? null
  const refreshThreads = useRefreshThreads()
  const refreshApprovals = useRefreshApprovals()
  return (
    <ConversationView
      threadId={threadId}
      agent={agent}
      header={<ChatHeader agent={agent} onPick={setPicked} />}
      onRunEnded={() => {
        refreshThreads()
        refreshApprovals()
      }}
    />
  )
}

function ChatHeader({ agent, onPick }: { agent: string | null; onPick: (agent: string) => void }) {
  return (
    <Header>
      <AgentPicker agent={agent} onPick={onPick} />
      <ModelBadge />
    </Header>
  )
}
