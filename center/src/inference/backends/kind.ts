import type { TSchema } from '@sinclair/typebox'
import type { Clock, Logger } from '@yizhan/kernel'
import type { TermWeights } from '../extractive.js'
import type { PersonaOf } from '../personas.js'
import type { Backend, Embedder, Reranker } from '../port.js'

/** What a kind of backend is opened with. */
export interface KindParts {
  readonly clock: Clock
  readonly log: Logger
  readonly personaOf?: PersonaOf
  /** How much the words of a tenant's documents say; what quotes needs it. */
  readonly terms?: TermWeights
}

/** An open backend: it writes answers, makes vectors, ranks texts, or several of these. */
export interface OpenBackend {
  readonly backend?: Backend
  readonly embedder?: Embedder
  readonly reranker?: Reranker
  /** Frees connections, processes and memory; what still runs fails. */
  close(): Promise<void>
}

/** A kind of backend: its settings, and how it is opened with settings that fit them. */
export interface BackendKind<Settings> {
  readonly settings: TSchema & { readonly static: Settings }
  /**
   * Does not wait for a server to be there: a pool finds that out. Rejects with `config_invalid` on settings that cannot be
   * meant, with `model_refused`, `not_found` or `unsupported` where a model is loaded here.
   */
  open(parts: KindParts, name: string, settings: Settings, signal: AbortSignal): Promise<OpenBackend>
}
