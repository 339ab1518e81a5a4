/** One resource as it is now, to be changed unless somebody else changes it meanwhile. */

import { type QueryKey, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { isOvertaken, request, requestTagged } from './http'

interface Change {
  method: 'PUT' | 'PATCH' | 'DELETE'
  body?: unknown
}

/**
 * @param path - Of the resource.
 * @param stale - What is out of date once it has changed.
 */
export function useEdit<Item>(path: string, stale: QueryKey) {
  const client = useQueryClient()
  const current = useQuery({
    queryKey: ['edit', path],
    queryFn: ({ signal }) => requestTagged<Item>(path, { signal }),
    // It is read when a form opens, and not while somebody types into it.
    gcTime: 0,
    staleTime: Infinity,
  })
  const change = useMutation({
    mutationFn: ({ method, body }: Change) =>
      request(method, path, { body, ifMatch: current.data?.tag ?? null }),
    onError: (error) => {
      if (isOvertaken(error)) return current.refetch()
    },
    onSuccess: (_, { method }) => (method === 'DELETE' ? undefined : current.refetch()),
    onSettled: () => void client.invalidateQueries({ queryKey: stale }),
  })
  return { current, change }
}
