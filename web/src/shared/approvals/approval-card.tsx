/** What a run asks the person: leave for a call, or something that a tool wants to know. */

import { LeaveCard } from './leave-card'
import { QuestionCard } from './question-card'
import type { CardProps } from './use-decision'

export function ApprovalCard({ approval, onDecide }: CardProps) {
  const { question } = approval
  return question == null ? (
    <LeaveCard approval={approval} onDecide={onDecide} />
  ) : (
    <QuestionCard approval={approval} question={question} onDecide={onDecide} />
  )
}
