/** The one place that asks the server and turns what goes wrong into an `ApiProblem`. */

import type { ProblemDetails } from './types'

/** An answer that was not a success (RFC 9457), or no answer at all (status 0). */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string | null

  constructor(status: number, body: Partial<ProblemDetails>) {
    super(body.detail ?? body.title ?? `The server answered with status ${status}.`)
    this.name = 'ApiProblem'
    this.status = status
    this.code = body.code ?? `http_${status}`
    this.hint = body.hint ?? null
  }
}

const SIGN_IN_HINT = 'Open the sign-in link that `muxi up` printed when it started.'

export function unreachable(): ApiProblem {
  return new ApiProblem(0, {
    detail: 'The muxi server cannot be reached.',
    code: 'unreachable',
    hint: 'Check that `muxi up` is still running; this page tries again by itself.',
  })
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  let body: Partial<ProblemDetails> = {}
  try {
    body = (await response.json()) as Partial<ProblemDetails>
  } catch {
    // Not every gateway in between speaks JSON; the status alone must do.
  }
  if (response.status === 401) {
    body = {
      code: 'signed_out',
      ...body,
      detail: 'This browser is not signed in.',
      hint: SIGN_IN_HINT,
    }
  }
  return new ApiProblem(response.status, body)
}

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

export async function request<Answer>(
  method: Method,
  path: string,
  options: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      signal: options.signal ?? null,
      headers: options.body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      credentials: 'same-origin',
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw unreachable()
  }
  if (!response.ok) throw await problemOf(response)
  const text = await response.text()
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}
