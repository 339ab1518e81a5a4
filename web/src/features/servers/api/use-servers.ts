/** The MCP servers of the project: how they do, what of them is trusted, and signing in to them. */

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/shared/api/http'
import type { McpServer, Page, ServerLock } from '@/shared/api/types'

const SERVERS = ['servers'] as const
const LOOK_AGAIN = 5_000
const LOG_LINES = 200

function place(name: string, rest = ''): string {
  return `/api/mcp/servers/${encodeURIComponent(name)}${rest}`
}

export function useServers() {
  return useQuery({
    queryKey: [...SERVERS, 'list'],
    queryFn: ({ signal }) => request<Page<McpServer>>('GET', '/api/mcp/servers', { signal }),
    select: (page) => page.items,
    refetchInterval: LOOK_AGAIN,
  })
}

export function useServer(name: string) {
  return useQuery({
    queryKey: [...SERVERS, 'one', name],
    queryFn: ({ signal }) => request<McpServer>('GET', place(name), { signal }),
    refetchInterval: LOOK_AGAIN,
  })
}

export function useLock(name: string) {
  return useQuery({
    queryKey: [...SERVERS, 'lock', name],
    queryFn: ({ signal }) => request<ServerLock>('GET', place(name, '/lock'), { signal }),
    refetchInterval: LOOK_AGAIN,
  })
}

export function useLog(name: string, shown: boolean) {
  return useQuery({
    queryKey: [...SERVERS, 'log', name],
    queryFn: ({ signal }) =>
      request<{ lines: string[] }>('GET', place(name, `/log?lines=${LOG_LINES}`), { signal }),
    select: (log) => log.lines,
    enabled: shown,
    refetchInterval: LOOK_AGAIN,
  })
}

function useRefresh(): () => void {
  const client = useQueryClient()
  return () => void client.invalidateQueries({ queryKey: SERVERS })
}

export function useRestart(name: string) {
  const refresh = useRefresh()
  return useMutation({
    mutationFn: () => request<McpServer>('POST', place(name, '/restart')),
    onSettled: refresh,
  })
}

/** Approve one part that is new or has changed, or all of them; only as they were seen. */
export function useApprove(name: string) {
  const refresh = useRefresh()
  return useMutation({
    mutationFn: ({ part, seen }: { part: string | null; seen: string[] }) =>
      request<ServerLock>('POST', place(name, '/approve'), { body: { name: part, seen } }),
    onSettled: refresh,
  })
}

export function useTrust(name: string) {
  const refresh = useRefresh()
  return useMutation({
    mutationFn: () => request<ServerLock>('POST', place(name, '/lock')),
    onSettled: refresh,
  })
}

/** Begin to sign in: the browser leaves for the page on which access is granted. */
export function useBeginLogin(name: string) {
  return useMutation({
    mutationFn: () => request<{ url: string | null }>('POST', place(name, '/login'), { body: {} }),
    onSuccess: ({ url }) => {
      if (url !== null) window.location.assign(url)
    },
  })
}

export function useFinishLogin(name: string, own: boolean) {
  const refresh = useRefresh()
  return useMutation({
    mutationFn: (answer: Record<string, string>) =>
      request<McpServer>(
        'POST',
        own
          ? `/api/credentials/${encodeURIComponent(name)}/login/answer`
          : place(name, '/login/answer'),
        { body: answer },
      ),
    onSettled: refresh,
  })
}
