/** What goes wrong at the server or on the way to it, as one kind of error. */

/** What the server says of a request that it refuses (RFC 9457, with a code and a hint). */
export interface ProblemBody {
  title?: string
  detail?: string
  code?: string
  hint?: string | null
}

/** An answer that was not a success, or no answer at all (status 0). */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string | null

  constructor(status: number, body: ProblemBody) {
    super(body.detail ?? body.title ?? `The server answered with status ${status}.`)
    this.name = 'ApiProblem'
    this.status = status
    this.code = body.code ?? `http_${status}`
    this.hint = body.hint ?? null
  }
}

export function unreachable(): ApiProblem {
  return new ApiProblem(0, {
    detail: 'The muxi server cannot be reached.',
    code: 'unreachable',
    hint: 'Check that `muxi up` is still running; this page tries again by itself.',
  })
}

/** What an answer that is no success says. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  let body: ProblemBody = {}
  try {
    body = (await response.json()) as ProblemBody
  } catch {
    // Not every gateway in between speaks JSON; the status alone must do.
  }
  return new ApiProblem(response.status, body)
}

/** Whether asking again cannot help. */
export function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiProblem)) return true
  return error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429
}
