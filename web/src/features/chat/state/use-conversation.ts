/** A conversation session for as long as a component shows it. */

import { useEffect, useState, useSyncExternalStore } from 'react'

import { ConversationSession, type Snapshot } from './conversation-session'

export function useConversation(
  threadId: string,
  onRunEnded: () => void,
): { session: ConversationSession; snapshot: Snapshot } {
  const [session] = useState(() => new ConversationSession(threadId, onRunEnded))
  useEffect(() => session.start(), [session])
  const snapshot = useSyncExternalStore(session.subscribe, session.snapshot)
  return { session, snapshot }
}
