import type { EdgeId, TenantId, YizhanError } from '@yizhan/kernel'
import type { Citation, Submit } from '@yizhan/proto'

/** Told what happens to a presented request; calls stop after `detach`. Frames come in order, within the credit given. */
export interface AttemptSink {
  /** Told again, with a higher attempt, when another engine begins anew: the text before is void. */
  accepted(attempt: number, resumedAfterSeq: number, queuePosition: number): void
  tokens(attempt: number, seq: number, text: string): void
  final(attempt: number, end: AttemptEnd): void
  failed(attempt: number, error: YizhanError): void
}

export interface AttemptEnd {
  readonly lastSeq: number
  readonly textSha256: Uint8Array
  readonly citations: readonly Citation[]
  readonly model: string
  readonly finish: 'stop' | 'length' | 'cancelled' | 'no-answer'
  readonly usage: {
    readonly inputTokens: number
    readonly outputTokens: number
    readonly queueMs: number
    readonly firstTokenMs: number
  }
}

export interface Attempt {
  /** Everything up to `ackSeq` arrived; at most `windowBytes` of UTF-8 text may be unacknowledged. */
  credit(attempt: number, ackSeq: number, windowBytes: number): void
  /** The backend is aborted and its quota freed at once. */
  cancel(reason: string): void
  /** The edge has the final durably: forget the request. */
  endAck(attempt: number): void
  /** The link went: keep running and keeping, tell the sink nothing more. */
  detach(): void
}

/** Every request that the center knows. A request belongs to the edge and tenant that first presented it. */
export interface RequestBook {
  /** Starts the request, or attaches this sink to the live attempt after `submit.resume` (the older sink is detached). */
  present(edge: EdgeId, tenant: TenantId, requestId: string, submit: Submit, sink: AttemptSink): Attempt
  stats(): { readonly running: number; readonly queued: number; readonly kept: number }
}

/** What a backend gets; the passages are already found. */
export interface GenerateRequest {
  readonly tenant: TenantId
  /** Work of the center's own on the `question`, in place of persona, rules, history and passages. */
  readonly task?: string
  readonly question: string
  /** BCP 47 of the answer. */
  readonly locale: string
  /** The latest of the conversation, as much as the model is to see. */
  readonly history: readonly { readonly role: 'user' | 'assistant'; readonly text: string }[]
  /** There was more than `history`. */
  readonly historyLeftOut?: boolean
  /** What was said before, in short: words of people, written by a model. */
  readonly summary?: string
  readonly passages: readonly Passage[]
  /** Who asks, as a pseudonym: counts against a user's quota. */
  readonly user?: string
  /** Requests of one conversation go to the engine that has its prefix in its cache. */
  readonly conversation?: string
  /** Sent along with the question; what a backend does not `see` it is told the names of. */
  readonly images?: readonly Image[]
  /** Names of files that were sent along and are not read. */
  readonly unread?: readonly string[]
  /** A chat as OpenAI's clients send it (messages, tools, sampling). In place of question, history and passages. */
  readonly chat?: Readonly<Record<string, unknown>>
  /** W3C trace context of the answering. */
  readonly traceparent?: string | undefined
  /** Text that was written already, by another engine: a backend that `continues` goes on after it. */
  readonly prefix?: string
}

export interface Image {
  readonly name: string
  readonly mediaType: string
  readonly base64: string
}

/** A file that a question names. */
export interface AskedFile {
  readonly name: string
  /** Hex, of its content; '' if nobody has that. */
  readonly sha256: string
}

export interface AskedFiles {
  readonly images: readonly Image[]
  /** Texts, to be quoted as documents are. */
  readonly texts: readonly Passage[]
  /** Names of the others. */
  readonly unread: readonly string[]
}

/** Reads what is sent along with questions. */
export interface FileReader {
  /** In the order of the files. What cannot be read is `unread`; rejects with the signal's reason only. */
  read(where: AskedIn, files: readonly AskedFile[], signal: AbortSignal): Promise<AskedFiles>
}

export interface Passage {
  readonly document: string
  readonly title: string
  readonly heading: string
  readonly text: string
  readonly score: number
}

/** A part of a tool call, as OpenAI streams them: the first of an index has id and name, the others more arguments. */
export interface ToolCallPart {
  readonly index: number
  readonly id?: string
  readonly name?: string
  /** A piece of the JSON text. */
  readonly arguments?: string
}

export type Piece =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool-calls'; readonly calls: readonly ToolCallPart[] }
  | { readonly type: 'citations'; readonly citations: readonly Citation[] }
  /** Another engine begins anew: every piece before is void. A single backend never says so, only the pool. */
  | { readonly type: 'superseded' }
  | {
      readonly type: 'end'
      readonly finish: 'stop' | 'length' | 'no-answer' | 'tool-calls'
      readonly inputTokens?: number
      readonly outputTokens?: number
    }

/** An engine that writes answers. Throws `backend_failed`, `deadline_exceeded`, `overloaded`; stops at once on abort. */
export interface Backend {
  readonly name: string
  readonly model: string
  /** Whether it goes on after `request.prefix`. */
  readonly continues?: boolean
  /** Tokens that it reads and writes for one request; undefined if nobody says. */
  readonly contextTokens?: number
  /** It looks at images. */
  readonly sees?: boolean
  /** It quotes documents in place of writing: it can answer no chat of a client's own, and what it says was written by people. */
  readonly quotes?: boolean
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<Piece>
  probe(signal: AbortSignal): Promise<void>
  /** What the engine says of itself; undefined where it says nothing. */
  load?(signal: AbortSignal): Promise<EngineLoad | undefined>
}

export interface EngineLoad {
  readonly running: number
  readonly waiting: number
  /** Of the memory for keys and values, 0 to 1. */
  readonly cacheUsage?: number
  /** Tokens that fit into it. */
  readonly cacheTokens?: number
}

/** An engine that makes vectors of texts. */
export interface Embedder {
  readonly name: string
  readonly model: string
  readonly dimensions: number
  /** One vector of length 1 for each text, in order. Throws as a backend does. */
  embed(
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly vectors: readonly Float32Array[]; readonly tokens: number }>
}

/** An engine that says how well texts answer a question. */
export interface Reranker {
  readonly name: string
  /** A score for each text, in order; higher is better. */
  score(question: string, texts: readonly string[], signal: AbortSignal): Promise<readonly number[]>
}

/** Who reads what is found. */
export interface Reader {
  readonly channel: string
  readonly sender: string
  /** As the channel tells it; '' if it does not. */
  readonly department: string
  /** Others read along. */
  readonly inGroup: boolean
}

export interface SearchOptions {
  /** Knowledge sets to look in; empty = all of the tenant's. */
  readonly knowledge: readonly string[]
  /** Who reads what is found: besides documents without a class only those that they may see; undefined = every one. */
  readonly reader?: Reader | undefined
  readonly limit: number
}

export interface Retriever {
  /** Best first; empty if nothing fits. */
  search(
    tenant: TenantId,
    query: string,
    options: SearchOptions,
    signal: AbortSignal,
  ): Promise<readonly Passage[]>
}

/** Whose question it is, and where it is asked. All of it names people: it stands in no key and no log. */
export interface AskedIn {
  readonly tenant: TenantId
  readonly channel: string
  readonly conversation: string
  readonly sender: string
}

/** What is kept of conversations beyond the history that comes with a question. */
export interface Memory {
  /**
   * What was said before its history, in short; undefined if nothing is kept. `from`: a turn; notes that end before it are
   * of another subject, or of what was taken back meanwhile. Never rejects.
   */
  recall(where: AskedIn, from?: string): Promise<string | undefined>
  /** The turn was answered, and its prompt had so many exchanges of history. What is to be kept is made later. */
  answered(where: AskedIn, turn: string, exchanges: number): void
}

/** Higher classes are served first. */
export type RequestPriority = 'interactive' | 'task' | 'batch'

export interface AdmissionRequest {
  readonly tenant: TenantId
  readonly priority: RequestPriority
  /** What it reads, in tokens, about: for the order among tenants and the room at an engine. */
  readonly estimatedTokens: number
  /** Who asks, as a pseudonym; without it only the tenant's quota counts. */
  readonly user?: string
  /** Goes to the engine that had it last, if that is not the busiest. */
  readonly conversation?: string
  /** W3C trace context of whoever asks. */
  readonly traceparent?: string | undefined
  /** Which engines can answer it; default every one. */
  readonly fits?: (backend: Backend) => boolean
}

/** Writes the answer of one request that was let in. `onStart` is told which engine is asked, before each try. */
export type Generate = (
  request: GenerateRequest,
  signal: AbortSignal,
  onStart: (backend: Backend) => void,
) => AsyncIterable<Piece>

/** Room at an engine for one request; it moves to another engine when that one fails. */
export interface Place {
  readonly generate: Generate
  /** Gives the room back at once, whatever the engine does. Idempotent. */
  release(): void
}

/** Where requests can run. */
export interface Capacity {
  /** Takes room; undefined if all is taken. Throws `unavailable` (details.retryAfterMs) if no engine can be used. */
  take(request: AdmissionRequest): Place | undefined
  /** Calls `fn` whenever there may be room again. */
  onRoom(fn: () => void): void
}

/** A place at a backend. */
export interface Lease {
  /** How long the request waited for it. */
  readonly queueMs: number
  /** Charges what is written while it is. */
  readonly generate: Generate
  /** Counts tokens that come on top of the estimate. */
  charge(tokens: number): void
  /** Gives the place back and settles the cost, by default what was charged. Idempotent. */
  release(actualTokens?: number): void
}

/** Who may run when. */
export interface Admission {
  /**
   * Waits for a place. Throws `overloaded`, `quota_exceeded`, `unavailable` (all with details.retryAfterMs),
   * `deadline_exceeded`, `too_large`, or the signal's reason.
   */
  enter(request: AdmissionRequest, signal: AbortSignal): Promise<Lease>
  /** About how many are served before this request (the same object as given to `enter`); 0 if it does not wait. */
  position(request: AdmissionRequest): number
  stats(): { readonly running: number; readonly queued: number }
}
