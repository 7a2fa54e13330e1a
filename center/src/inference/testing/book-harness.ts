import assert from 'node:assert/strict'
import type { LanguageMap } from '@yizhan/intent'
import {
  asEdgeId,
  asTenantId,
  createMetrics,
  type EdgeId,
  ManualClock,
  silentLogger,
  type TenantId,
} from '@yizhan/kernel'
import { create, type Submit, SubmitSchema } from '@yizhan/proto'
import type { MemberConfig, PoolConfig } from '../pool/index.js'
import type { Attempt, Backend, FileReader, Memory, Passage } from '../port.js'
import { createRequestBook, type RequestBookConfig } from '../request-book.js'
import { HeldBackend } from './held-backend.js'
import { Reader } from './reader.js'
import { testAdmission } from './test-admission.js'

export function edgeId(name: string): EdgeId {
  const id = asEdgeId(name)
  assert.ok(id)
  return id
}

export function tenantId(name: string): TenantId {
  const id = asTenantId(name)
  assert.ok(id)
  return id
}

export const edge = edgeId('e1')
export const tenant = tenantId('acme')
export const passage: Passage = { document: 'd.md', title: 'D', heading: 'H', text: 'text', score: 1 }

export function submitOf(
  question: string,
  options: {
    readonly resume?: { readonly attempt: number; readonly seq: number }
    readonly windowBytes?: number
    readonly timeoutMs?: number
  } = {},
): Submit {
  return create(SubmitSchema, {
    message: { text: question },
    windowBytes: options.windowBytes ?? 10_000,
    timeoutMs: options.timeoutMs ?? 0,
    ...(options.resume ? { resume: options.resume } : {}),
  })
}

export interface HarnessOptions {
  readonly config?: Partial<RequestBookConfig>
  readonly pool?: Partial<PoolConfig>
  readonly member?: Partial<MemberConfig>
  readonly aiMark?: LanguageMap
  readonly fileReader?: FileReader
  readonly memory?: Memory
  readonly maxRunning?: number
  readonly maxQueued?: number
  readonly queueTtlMs?: number
  readonly backends?: readonly Backend[]
}

/** A request book on real admission, with a backend and a clock in the test's hands. */
export function startBook(options: HarnessOptions = {}) {
  const clock = new ManualClock()
  const metrics = createMetrics()
  const backend = new HeldBackend()
  const { pool, admission } = testAdmission(
    { clock, metrics },
    {
      backends: options.backends ?? [backend],
      member: options.member ?? {},
      pool: { maxRunning: options.maxRunning ?? 10, ...options.pool },
      queue: { maxQueued: options.maxQueued ?? 10, queueTtlMs: options.queueTtlMs ?? 60_000 },
    },
  )
  const book = createRequestBook(
    {
      admission,
      retriever: { search: async () => [passage] },
      aiMarkOf: () => options.aiMark,
      fileReader: options.fileReader,
      memory: options.memory,
      pseudonymOf: (_tenant, person) => `~${person}`,
      clock,
      log: silentLogger(),
      metrics,
    },
    options.config,
  )
  /** Presents as an edge does, reading into `reader`. */
  const readers: Reader[] = []
  const present = (
    id: string,
    reader = new Reader(10_000),
    given: { readonly edge?: EdgeId; readonly tenant?: TenantId; readonly submit?: Submit } = {},
  ): { reader: Reader; handle: Attempt } => {
    readers.push(reader)
    const submit = given.submit ?? submitOf('question?', { windowBytes: reader.windowBytes })
    return { reader, handle: book.present(given.edge ?? edge, given.tenant ?? tenant, id, submit, reader) }
  }
  /** Comes back with what `reader` holds up to `seq`, on a new link. */
  const resume = (id: string, reader: Reader, seq = reader.seq, windowBytes = reader.windowBytes) => {
    const again = new Reader(windowBytes, reader.frames.slice(0, seq))
    return present(id, again, {
      submit: submitOf('question?', { resume: { attempt: reader.attempt, seq }, windowBytes }),
    })
  }
  /** What any reader found wrong. */
  const problems = () => readers.flatMap((reader) => reader.problems)
  return { clock, metrics, pool, admission, backend, book, present, resume, problems }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
