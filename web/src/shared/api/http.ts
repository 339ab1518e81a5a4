/** The one place that asks the server and turns what goes wrong into an `ApiProblem`. */

import { ApiProblem, problemOf as plainProblemOf, unreachable } from '@muxi/client'

export { ApiProblem }

const SIGNED_OUT = {
  code: 'signed_out',
  detail: 'This browser is not signed in.',
  hint: 'Load the page anew to sign in, or open the link that `muxi open` prints.',
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const problem = await plainProblemOf(response)
  return response.status === 401 ? new ApiProblem(401, SIGNED_OUT) : problem
}

/** Whether something was refused because of who asks; most people need not be told so. */
export function isForbidden(error: Error | null): boolean {
  return error instanceof ApiProblem && error.status === 403
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export async function request<Answer>(
  method: Method,
  path: string,
  options: { body?: unknown; signal?: AbortSignal; onlyNew?: boolean } = {},
): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      signal: options.signal ?? null,
      headers: {
        ...(options.body !== undefined && { 'Content-Type': 'application/json' }),
        // What is to be new must not replace what somebody else has made.
        ...(options.onlyNew === true && { 'If-None-Match': '*' }),
      },
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
