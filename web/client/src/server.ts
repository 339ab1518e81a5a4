/** The server beside the WebSocket: what is asked over HTTP, in whose name. */

import { problemOf, unreachable } from './problem.ts'

export class Server {
  token: string | undefined
  private readonly base: string
  private readonly signal: AbortSignal

  constructor(base: string | undefined, token: string | undefined, signal: AbortSignal) {
    this.base = base ?? globalThis.location.origin
    this.token = token
    this.signal = signal
  }

  /** Where the WebSocket is. Browsers let it send no header, so a token is first made a ticket. */
  async address(): Promise<string> {
    const url = `${this.base.replace(/^http/, 'ws')}/ws`
    if (this.token === undefined) return url
    const { ticket } = (await this.request('POST', '/api/socket-tickets')) as { ticket: string }
    return `${url}?ticket=${encodeURIComponent(ticket)}`
  }

  async request(method: string, path: string): Promise<unknown> {
    const headers: HeadersInit = this.token ? { Authorization: `Bearer ${this.token}` } : {}
    let response: Response
    try {
      response = await fetch(this.base + path, { method, headers, signal: this.signal })
    } catch {
      throw unreachable()
    }
    if (!response.ok) throw await problemOf(response)
    return response.json()
  }
}
