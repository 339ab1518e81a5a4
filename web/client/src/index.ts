/** The client of a muxi server for browsers and Node.js. */

export { backOff } from './back-off.ts'
export { followRun, type FollowOptions } from './follow-run.ts'
export { Live } from './live.ts'
export type { Connect, LiveOptions, Presence, Subscription } from './live-options.ts'
export { ApiProblem, problemOf, unreachable, type ProblemBody } from './problem.ts'
export type { Decision, MuxiEvent, Run, StartRun } from './types.ts'
