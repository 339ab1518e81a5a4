/** How long to wait before the next attempt at a connection. */

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000
const inBrowser = 'window' in globalThis

/** Half of the delay is random: many clients that lost one server do not come back in step. */
export function backOff(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1))
  return ceiling / 2 + (random() * ceiling) / 2
}

/** Waits, but no longer than until the signal is aborted or the browser is online again. */
export function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      if (inBrowser) globalThis.removeEventListener('online', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
    if (inBrowser) globalThis.addEventListener('online', done)
    if (signal.aborted) done()
  })
}
