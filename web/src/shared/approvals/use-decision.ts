import { useState } from 'react'

import type { Approval, Decision } from '@/shared/api/types'

export interface CardProps {
  approval: Approval
  /** Whether the answer was taken. */
  onDecide: (approvalId: string, decision: Decision) => Promise<boolean>
}

/** Sends one answer at a time; a card that was answered stays busy until it goes. */
export function useDecision(
  approvalId: string,
  onDecide: CardProps['onDecide'],
): { busy: boolean; decide: (decision: Decision) => void } {
  const [busy, setBusy] = useState(false)
  const decide = (decision: Decision): void => {
    setBusy(true)
    void onDecide(approvalId, decision).then((taken) => {
      if (!taken) setBusy(false)
    })
  }
  return { busy, decide }
}
