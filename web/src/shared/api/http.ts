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

/** Whether a change was not made because somebody else's came before it. */
export function isOvertaken(error: Error | null): boolean {
  return error instanceof ApiProblem && error.status === 412
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

interface Options {
  body?: unknown
  signal?: AbortSignal
  /** What is to be new must not replace what somebody else has made. */
  onlyNew?: boolean
  /** The ETag of what is changed: it is changed only if it is still that. */
  ifMatch?: string | null
}

export async function request<Answer>(
  method: Method,
  path: string,
  options: Options = {},
): Promise<Answer> {
  return contentOf<Answer>(await answer(method, path, options))
}

/** One resource, and the ETag of its present state. */
export interface Tagged<Item> {
  item: Item
  tag: string | null
}

export async function requestTagged<Item>(
  path: string,
  options: Options = {},
): Promise<Tagged<Item>> {
  const response = await answer('GET', path, options)
  return { item: await contentOf<Item>(response), tag: response.headers.get('ETag') }
}

async function contentOf<Answer>(response: Response): Promise<Answer> {
  const text = await response.text()
  return (text === '' ? undefined : JSON.parse(text)) as Answer
}

async function answer(method: Method, path: string, options: Options): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      signal: options.signal ?? null,
      headers: {
        ...(options.body !== undefined && { 'Content-Type': 'application/json' }),
        ...(options.onlyNew === true && { 'If-None-Match': '*' }),
        ...(options.ifMatch != null && { 'If-Match': options.ifMatch }),
      },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      credentials: 'same-origin',
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw unreachable()
  }
  if (!response.ok) throw await problemOf(response)
  return response
}
