/** Whether who is signed in may do something, so that what they may not do is not offered. */

import { useQuery } from '@tanstack/react-query'

import { request } from './http'
import type { Verdict } from './types'

export function useMay(action: string): boolean {
  const verdict = useQuery({
    queryKey: ['may', action],
    queryFn: ({ signal }) =>
      request<Verdict>('GET', `/api/can?${new URLSearchParams({ action }).toString()}`, { signal }),
  })
  return verdict.data?.allowed ?? false
}
