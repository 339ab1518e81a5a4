/** What was said over a WebSocket and waits for its answer. Used by `live`. */

import type { ApiProblem } from './problem.ts'

interface Open {
  text: string
  /** The run that it begins, if it does. */
  runId: string | null
  resolve: (answer: unknown) => void
  reject: (problem: ApiProblem) => void
}

/** Looks whether a run was begun: gives it, or null if it was not, or undefined if nobody knows. */
export type FindRun = (runId: string) => Promise<unknown>

export class Commands {
  private readonly write: (text: string) => void
  private readonly open = new Map<number, Open>()
  private last = 0
  private problem: ApiProblem | null = null

  constructor(write: (text: string) => void) {
    this.write = write
  }

  /** Say something that is answered, on this connection or on the next. */
  say<Answer>(type: string, members: object): Promise<Answer> {
    if (this.problem !== null) return Promise.reject(this.problem)
    const id = ++this.last
    const text = JSON.stringify({ type, id, ...members })
    const runId = 'run' in members ? (members.run as { id: string }).id : null
    return new Promise<Answer>((resolve, reject) => {
      this.open.set(id, { text, runId, resolve: resolve as Open['resolve'], reject })
      this.write(text)
    })
  }

  /** Say something whose answer does not matter. */
  tell(type: string, members: object): void {
    this.write(JSON.stringify({ type, ...members }))
  }

  answer(id: unknown, result: unknown): void {
    this.take(id)?.resolve(result)
  }

  refuse(id: unknown, problem: ApiProblem): void {
    this.take(id)?.reject(problem)
  }

  /** Say again what was not answered, save for runs that were begun all the same. */
  async resume(find: FindRun): Promise<void> {
    for (const [id, { text, runId }] of [...this.open]) {
      const run = runId === null ? null : await find(runId)
      if (run === null) this.write(text)
      else if (run !== undefined) this.answer(id, run)
    }
  }

  /** Nothing is answered any more. */
  fail(problem: ApiProblem): void {
    this.problem = problem
    for (const { reject } of this.open.values()) reject(problem)
    this.open.clear()
  }

  private take(id: unknown): Open | undefined {
    if (typeof id !== 'number') return undefined
    const open = this.open.get(id)
    this.open.delete(id)
    return open
  }
}
