import { generateKeyPairSync, sign } from 'node:crypto'
import { type EdgeId, type TenantId, YizhanError } from '@yizhan/kernel'
import {
  create,
  type DesiredState,
  DesiredStateSchema,
  type SignedDesiredState,
  SignedDesiredStateSchema,
  type SigningKey,
  SigningKeySchema,
  type Submit,
  toBinary,
} from '@yizhan/proto'
import type { BundleFiles, DesiredStates, EdgeEntry, EdgeRegistry, Signer } from '../fleet/port.js'
import type { Attempt, AttemptSink, RequestBook } from '../inference/port.js'
import type { Enrollment, IssuedIdentity, TlsMaterial, TlsSource } from './port.js'

/** Listeners that tests call by hand. */
class Listeners<T> {
  readonly #all = new Set<(value: T) => void>()

  add(fn: (value: T) => void): () => void {
    this.#all.add(fn)
    return () => this.#all.delete(fn)
  }

  tell(value: T): void {
    for (const fn of [...this.#all]) fn(value)
  }

  get size(): number {
    return this.#all.size
  }
}

/** Values that a test awaits one after the other. */
export class Arrivals<T> {
  readonly #values: T[] = []
  readonly #waiting: ((value: T) => void)[] = []

  push(value: T): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(value)
    else this.#values.push(value)
  }

  next(): Promise<T> {
    const value = this.#values.shift()
    return value === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(value)
  }

  /** Those that came and were not awaited. */
  get left(): readonly T[] {
    return this.#values
  }
}

/** The registry in memory, with the port's own rules. */
export class MemoryRegistry implements EdgeRegistry {
  readonly noted: string[] = []
  readonly #entries = new Map<EdgeId, EdgeEntry>()
  readonly #revoked = new Listeners<EdgeId>()
  /** Held by a test to keep `openLink` from resolving. */
  gate: Promise<void> = Promise.resolve()

  add(edgeId: EdgeId, tenants: readonly TenantId[]): void {
    this.#entries.set(edgeId, {
      edgeId,
      tenants,
      site: '',
      revoked: false,
      enrolledAt: 0,
      linkGeneration: 0,
      appliedRevision: 1,
      lastSeenAt: 0,
    })
  }

  get(edge: EdgeId): EdgeEntry | undefined {
    return this.#entries.get(edge)
  }

  list(): readonly EdgeEntry[] {
    return [...this.#entries.values()]
  }

  /** Edges that have been enrolled again: the keys of before count no more. */
  readonly reenrolled = new Set<EdgeId>()

  keyCounts(edge: EdgeId): boolean {
    return this.#entries.get(edge)?.revoked === false && !this.reenrolled.has(edge)
  }

  async openLink(edge: EdgeId, hello: { readonly journalEpoch: string }) {
    const entry = this.#change(edge, (old) => ({
      linkGeneration: old.linkGeneration + 1,
      journalEpoch: hello.journalEpoch,
    }))
    await this.gate
    return { generation: entry.linkGeneration, epochChanged: false }
  }

  async noteApplied(edge: EdgeId, revision: number): Promise<void> {
    this.#change(edge, () => ({ appliedRevision: revision }))
    this.noted.push(`${edge} applied ${revision}`)
  }

  async noteRejected(edge: EdgeId, revision: number, code: string, message: string): Promise<void> {
    this.#change(edge, () => ({ rejected: { revision, code, message } }))
    this.noted.push(`${edge} rejected ${revision} ${code}`)
  }

  noteSeen(edge: EdgeId): void {
    this.#change(edge, (old) => ({ lastSeenAt: old.lastSeenAt + 1 }))
  }

  async setTenants(edge: EdgeId, tenants: readonly TenantId[]): Promise<void> {
    this.#change(edge, () => ({ tenants }))
  }

  async revoke(edge: EdgeId): Promise<void> {
    this.#change(edge, () => ({ revoked: true }))
    this.#revoked.tell(edge)
  }

  onRevoked(fn: (edge: EdgeId) => void): () => void {
    return this.#revoked.add(fn)
  }

  #change(edge: EdgeId, change: (old: EdgeEntry) => Partial<EdgeEntry>): EdgeEntry {
    const old = this.#entries.get(edge)
    if (!old) throw new YizhanError('not_found', `no edge ${edge}`)
    const entry = { ...old, ...change(old) }
    this.#entries.set(edge, entry)
    return entry
  }
}

export class TestSigner implements Signer {
  readonly current: Signer['current']
  readonly publicKeys: readonly SigningKey[]

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    this.current = { keyId: 'k1', privateKey }
    const spkiDer = publicKey.export({ type: 'spki', format: 'der' })
    this.publicKeys = [create(SigningKeySchema, { keyId: 'k1', spkiDer })]
  }
}

/** Desired states that a test sets. */
export class TestDesiredStates implements DesiredStates {
  readonly #signer: Signer
  readonly #states = new Map<EdgeId, DesiredState>()
  readonly #changed = new Listeners<readonly EdgeId[]>()
  /** Thrown by the next `current`, once. */
  failure: Error | undefined
  reads = 0

  constructor(signer: Signer) {
    this.#signer = signer
  }

  set(edge: EdgeId, state: Partial<Omit<DesiredState, '$typeName' | '$unknown'>>): void {
    this.#states.set(edge, create(DesiredStateSchema, { edgeId: edge, ...state }))
    this.#changed.tell([edge])
  }

  async current(edge: EdgeId): Promise<SignedDesiredState & { readonly revision: number }> {
    this.reads += 1
    const { failure } = this
    this.failure = undefined
    if (failure) throw failure
    const state = this.#states.get(edge) ?? create(DesiredStateSchema, { edgeId: edge, revision: 1n })
    const payload = toBinary(DesiredStateSchema, state)
    const { keyId, privateKey } = this.#signer.current
    const signature = sign(null, payload, privateKey)
    const signed = create(SignedDesiredStateSchema, { payload, signature, keyId })
    return { ...signed, revision: Number(state.revision) }
  }

  onChange(fn: (edges: readonly EdgeId[]) => void): () => void {
    return this.#changed.add(fn)
  }
}

/** One `present`, and what the gateway did with the attempt. */
export interface Presented {
  readonly edge: EdgeId
  readonly tenant: TenantId
  readonly requestId: string
  readonly submit: Submit
  readonly sink: AttemptSink
  /** `credit 1 3 4096`, `cancel why`, `endAck 1`, `detach`, in order. */
  readonly calls: Arrivals<string>
}

/** A book that does nothing by itself: the test speaks through each sink. */
export class ScriptedBook implements RequestBook {
  readonly presented = new Arrivals<Presented>()
  /** Thrown by the next `present`, once. */
  refusal: YizhanError | undefined

  present(edge: EdgeId, tenant: TenantId, requestId: string, submit: Submit, sink: AttemptSink): Attempt {
    const { refusal } = this
    this.refusal = undefined
    if (refusal) throw refusal
    const calls = new Arrivals<string>()
    this.presented.push({ edge, tenant, requestId, submit, sink, calls })
    return {
      credit: (attempt, ackSeq, windowBytes) => calls.push(`credit ${attempt} ${ackSeq} ${windowBytes}`),
      cancel: (reason) => calls.push(`cancel ${reason}`),
      endAck: (attempt) => calls.push(`endAck ${attempt}`),
      detach: () => calls.push('detach'),
    }
  }

  stats() {
    return { running: 0, queued: 0, kept: 0 }
  }
}

/** Bundles whose files a test wrote to disk. */
export class TestBundles implements BundleFiles {
  readonly #bundles = new Map<
    string,
    { tenant: TenantId; files: Map<string, { path: string; size: number }> }
  >()

  add(digest: string, tenant: TenantId, files: Record<string, { path: string; size: number }>): void {
    this.#bundles.set(digest, { tenant, files: new Map(Object.entries(files)) })
  }

  async manifest(digest: string) {
    const bundle = this.#bundles.get(digest)
    if (!bundle) return undefined
    const manifest = Buffer.from(JSON.stringify([...bundle.files.keys()]))
    return { manifest, signature: Buffer.from('signed'), keyId: 'k1', tenant: bundle.tenant }
  }

  async file(digest: string, path: string) {
    return this.#bundles.get(digest)?.files.get(path)
  }
}

/** Records what it is asked and answers with what the test put there. */
export class TestEnrollment implements Enrollment {
  readonly asked: string[] = []
  answer: () => Promise<IssuedIdentity> = () =>
    Promise.reject(new YizhanError('permission_denied', 'bad token'))

  enroll(request: { readonly token: string; readonly csrDer: Uint8Array }): Promise<IssuedIdentity> {
    this.asked.push(`enroll ${request.token} ${request.csrDer.length}`)
    return this.answer()
  }

  renew(edge: EdgeId, csrDer: Uint8Array): Promise<IssuedIdentity> {
    this.asked.push(`renew ${edge} ${csrDer.length}`)
    return this.answer()
  }
}

/** TLS material that a test exchanges. */
export class TestTls implements TlsSource {
  readonly #changed = new Listeners<void>()
  #material: TlsMaterial

  constructor(material: TlsMaterial) {
    this.#material = material
  }

  current(): TlsMaterial {
    return this.#material
  }

  change(material: TlsMaterial): void {
    this.#material = material
    this.#changed.tell()
  }

  onChange(fn: () => void): () => void {
    return this.#changed.add(fn)
  }
}
