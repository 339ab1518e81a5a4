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

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT'

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
