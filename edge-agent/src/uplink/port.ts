import type { Running, TenantId, YizhanError } from '@yizhan/kernel'
import type {
  Citation,
  FinishReason,
  HistoryEntry,
  KnownTurn,
  Message,
  UploadRecord,
  Usage,
} from '@yizhan/proto'

export type LinkState =
  | { readonly s: 'unenrolled' }
  | { readonly s: 'connecting'; readonly attempt: number }
  | { readonly s: 'ready'; readonly generation: bigint; readonly since: number }
  | { readonly s: 'backing-off'; readonly attempt: number; readonly until: number; readonly reason: string }
  | { readonly s: 'refused'; readonly code: string; readonly reason: string; readonly until: number }
  | { readonly s: 'stopped' }

export interface InferenceRequest {
  /** The turn's id: presenting it again after a cut or restart goes on with the same attempt while the center knows it. */
  readonly requestId: string
  readonly tenant: TenantId
  readonly message: Message
  readonly history: readonly HistoryEntry[]
  readonly knowledge: readonly string[]
  readonly answerLocale: string
  /** The latest turn of its conversation that began another subject or took something back: older notes are not for it. */
  readonly memoryFrom: string | undefined
  /** W3C trace context. */
  readonly traceparent?: string | undefined
}

export interface InferenceResult {
  readonly attempt: number
  readonly text: string
  readonly citations: readonly Citation[]
  readonly model: string
  readonly usage: Usage | undefined
  readonly finish: FinishReason
}

export interface InferenceSink {
  /** A run started or was resumed. A higher attempt than before: forget the text so far. */
  started(attempt: number, queuePosition: number): void
  tokens(attempt: number, seq: number, text: string): void
  /** Whole and verified (SHA-256, no gap). Exactly one of `final` and `failed` is called, once. */
  final(result: InferenceResult): void
  failed(error: YizhanError): void
}

export interface InferenceHandle {
  cancel(reason: string): void
  /** The final reply is durable here: the center may forget the request. */
  endAck(): void
}

/** A position of the journal and what the center is told of it, if anything. */
export interface UploadItem {
  readonly seq: number
  readonly record?: UploadRecord
}

/** What this edge has done, for the center's replica. */
export interface UploadSource {
  readonly epoch: bigint
  /** Position after the last item that can be read now. */
  readonly end: number
  /** Turns are under way that reading should not hold up. */
  readonly isBusy: boolean
  /** Grows when something is taken out: what was read before may hold it, and is not to be told. */
  readonly rewritten: number
  /** Called when `end` has grown. Returns the unsubscribe. */
  onMore(fn: () => void): () => void
  /** The next items from a position on, at most `limit`; none if `from` is the end. */
  read(from: number, limit: number): Promise<readonly UploadItem[]>
  /** The center has everything up to `seq` for good. */
  acknowledged(seq: number): void
  /** Turns of an earlier journal that the center knows of. Never rejects. */
  known(turns: readonly KnownTurn[]): Promise<void>
}

export interface Uplink extends Running {
  readonly link: LinkState
  onLink(fn: (state: LinkState) => void): () => void
  /** Starts or re-presents a request; survives link losses until its sink has been told the end. */
  infer(request: InferenceRequest, sink: InferenceSink): InferenceHandle
  /** Requests that this edge may have at the center at once; those beyond wait at the edge, in the order of `infer`. */
  readonly maxInFlight: number
  /** Undefined before the enrolment. `notAfter`: wall clock, milliseconds. */
  readonly identity:
    | { readonly edgeId: string; readonly serial: string; readonly notAfter: number }
    | undefined
  /** Renews the certificate now, make-before-break. */
  renew(signal: AbortSignal): Promise<void>
}
