/**
 * The nouns that cross the door between this page and the server, under their plain names.
 * `schema.ts` is generated from the server's own description: the two cannot differ.
 */

import type { components } from './schema'

type Schemas = components['schemas']

export type Message = Schemas['Message']
export type Part = Message['parts'][number]
export type ToolCallPart = Schemas['ToolCallPart']
export type ToolResultPart = Schemas['ToolResultPart']

export type Thread = Schemas['Thread']
export type Run = Schemas['Run']
export type RunStatus = Run['status']
export type RunEvent = Schemas['Event']
export type Usage = Schemas['Usage']
export type Approval = Schemas['Approval']
export type ApprovalDecision = Schemas['ApprovalDecision']
/** A decision as a person sends it. */
export type Decision = Pick<ApprovalDecision, 'decision'> & Partial<ApprovalDecision>
export type Question = Schemas['Question']

/** An error as a value, inside runs and events. */
export type Problem = Schemas['Problem']
/** An error as an answer of the API (RFC 9457). */
export type ProblemDetails = Schemas['ProblemDetails']

export type Tool = Schemas['ToolInfo']
export type ToolVersion = Schemas['ToolVersion']

/** An MCP server whose tools agents use. */
export type McpServer = Schemas['ServerInfo']
/** What of its offers is trusted, and what has changed since. */
export type ServerLock = Schemas['ServerLock']
export type LockChange = Schemas['LockChange']

export type Agent = Schemas['AgentInfo']
export type Status = Schemas['ServerStatus']

/** What was consumed, summed up. */
export type UsageRow = Schemas['UsageRow']
/** What is left of a budget, for one whom it bounds. */
export type Balance = Schemas['Balance']
export type Budget = Schemas['BudgetInfo']

export interface Page<Item> {
  items: Item[]
  next: string | null
}

/** Who asks, as the server sees them. */
export type Me = Schemas['Me']
export type User = Schemas['User']
/** Users who share roles. */
export type Group = Schemas['Group']
/** A link that signs one browser in, once. */
export type SignInLink = Schemas['SignInLink']
export type Key = Schemas['Key']
/** A name for what somebody may do. */
export type Role = Schemas['Role']
/** What is allowed or refused to some, whatever roles they have. */
export type Policy = Schemas['PolicyRule']
/** Something that can be allowed or refused. */
export type ActionInfo = Schemas['ActionInfo']
/** Whether somebody may do something, and why. */
export type Verdict = Schemas['Decision-Output']
export type AuditEntry = Schemas['AuditEntry']
export type AuditReport = Schemas['AuditReport']
/** A key that was just made, with its secret. */
export type NewKey = Schemas['NewKey']
/** What a user may bring for tools of the project, and whether they have. */
export type CredentialInfo = Schemas['CredentialInfo']
