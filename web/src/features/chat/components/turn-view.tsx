/** One turn: what the person wrote and what the agent made of it. */

import { memo } from 'react'

import type { Decision, Message } from '@/shared/api/types'
import { ApprovalCard } from '@/shared/approvals/approval-card'
import { Markdown } from '@/shared/markdown/markdown'
import { CopyButton } from '@/shared/ui/copy-button'
import { Icon } from '@/shared/ui/icon'
import { Mark } from '@/shared/ui/mark'
import { Notice } from '@/shared/ui/notice'

import { type ApprovalState, isUnfinished } from '../state/conversation'
import { openOf } from '../state/tool-outcome'
import type { Block, Turn } from '../state/turns'
import { usageWords } from '../state/usage-words'
import { Reasoning } from './reasoning'
import { RunOutcome } from './run-outcome'
import { ToolCard } from './tool-card'
import styles from './turn-view.module.css'

interface TurnProps {
  turn: Turn
  onDecide: (approvalId: string, decision: Decision) => Promise<boolean>
  onRetry: ((text: string) => void) | null
}

export const TurnView = memo(function TurnView({ turn, onDecide, onRetry }: TurnProps) {
  const text = turn.input === null ? '' : textOf(turn.input)
  const retry = (): void => onRetry?.(text)
  return (
    <article className={styles.turn} aria-label={turn.author ?? 'Conversation'}>
      {turn.input !== null && <UserBubble text={text} />}
      {(turn.blocks.length > 0 || turn.run !== null) && (
        <Answer
          turn={turn}
          onDecide={onDecide}
          onRetry={onRetry === null || text === '' ? null : retry}
        />
      )}
    </article>
  )
})

interface AnswerProps {
  turn: Turn
  onDecide: TurnProps['onDecide']
  onRetry: (() => void) | null
}

function Answer({ turn, onDecide, onRetry }: AnswerProps) {
  const live = turn.run !== null && isUnfinished(turn.run.status)
  const running = live && turn.run?.status !== 'waiting'
  const answer = turn.blocks.map((block) => (block.kind === 'text' ? block.text : '')).join('\n\n')
  return (
    <div className={styles.answer} aria-busy={running}>
      <span className={styles.avatar}>
        <Mark size={22} breathing={running} />
      </span>
      <div className={styles.blocks}>
        {turn.author !== null && <span className={styles.author}>{turn.author}</span>}
        {turn.blocks.map((block) => (
          <BlockView key={block.key} block={block} live={live} onDecide={onDecide} />
        ))}
        {live && <Cards open={openOf(turn.approvals)} onDecide={onDecide} />}
        {running && <Working turn={turn} />}
        <RunOutcome run={turn.run} partial={turn.partial} onRetry={onRetry} />
        {!live && answer.trim() !== '' && (
          <div className={styles.tools}>
            <CopyButton text={answer.trim()} label="Copy answer" />
            {turn.run?.usage != null && <span>{usageWords(turn.run.usage)}</span>}
          </div>
        )}
      </div>
    </div>
  )
}

export function UserBubble({ text, pending = false }: { text: string; pending?: boolean }) {
  return (
    <div className={styles.user} data-pending={pending}>
      <span className="visually-hidden">You wrote: </span>
      {text}
    </div>
  )
}

function textOf(message: Message): string {
  return message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
}

/** Something moves until the first token is there, and while a tool's answer is thought over. */
function Working({ turn }: { turn: Turn }) {
  const last = turn.blocks.at(-1)
  if (last !== undefined && last.kind !== 'tool') return null
  const retry = turn.run?.retry
  if (retry != null) {
    return (
      <Notice
        tone="info"
        title={`Trying again in ${Math.ceil(retry.delay)} s`}
        hint={retry.problem.message}
      />
    )
  }
  if (last !== undefined && last.result === null) return null
  return <span className={`${styles.working} shimmer`}>Thinking…</span>
}

function Cards({
  open,
  onDecide,
}: {
  open: readonly ApprovalState[]
  onDecide: TurnProps['onDecide']
}) {
  return open.map(({ approval }) => (
    <ApprovalCard key={approval.id} approval={approval} onDecide={onDecide} />
  ))
}

interface BlockProps {
  block: Block
  live: boolean
  onDecide: TurnProps['onDecide']
}

const BlockView = memo(function BlockView({ block, live, onDecide }: BlockProps) {
  switch (block.kind) {
    case 'text':
      return <Markdown text={block.text} growing={block.streaming} />
    case 'reasoning':
      return <Reasoning text={block.text} streaming={block.streaming} />
    case 'refusal':
      return <Notice tone="warning" title={block.text} />
    case 'media':
      return (
        <span className={styles.media}>
          <Icon name="file" size={16} /> {block.name} <small>{block.mediaType}</small>
        </span>
      )
    case 'tool': {
      const open = openOf(block.approvals)
      if (live && block.result === null && open.length > 0) {
        return <Cards open={open} onDecide={onDecide} />
      }
      return <ToolCard block={block} live={live} />
    }
  }
})
