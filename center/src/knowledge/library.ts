import { type Clock, type Logger, sha256Hex, type TenantId, YizhanError } from '@yizhan/kernel'
import type { Knowledge, KnowledgeDocument } from '../retrieval/index.js'
import { type AuditEntry, type Change, collectionOf, type Store } from '../storage/index.js'
import type { Wording } from '../tenants/problem.js'
import { scanned } from '../tenants/scanned.js'
import { type SourceDocument, SourceReader, sourceKind } from './read-source.js'
import { SOURCES, type StoredSource } from './source-collection.js'
import { indexed, loadDocuments, partsOf, textChanges, textOf } from './source-text.js'

/** What shall be imported. */
export interface GivenSource {
  /** A path or an address; its ending tells what it is, unless `ending` does. */
  readonly name: string
  readonly bytes: Uint8Array
  readonly ending?: string
}

export interface ImportedSource {
  readonly name: string
  readonly status: 'added' | 'updated' | 'unchanged' | 'refused'
  /** 0 if it was refused and there is none of this name. */
  readonly version: number
  readonly documents: number
  /** Rows that hold no text. */
  readonly skipped: number
  /** Why it was refused. */
  readonly problem?: Wording
}

export interface ImportOptions {
  /** Knowledge set of the sources; default `imported`. */
  readonly knowledge?: string
  readonly class?: string
  readonly actor: string
  readonly requestId?: string
}

export type Deed = Pick<ImportOptions, 'actor' | 'requestId'>

/**
 * What was imported into the tenants' knowledge, beside their directories: an apply leaves it alone. Changes of a tenant
 * are made one after the other; each is durable and audited before it can be found.
 */
export interface Library {
  /** In the order given; one that is refused hinders no other. Throws what the store throws, and the signal's reason. */
  import(
    tenant: TenantId,
    sources: readonly GivenSource[],
    options: ImportOptions,
    signal: AbortSignal,
  ): Promise<readonly ImportedSource[]>
  /** By name. */
  list(tenant: TenantId): readonly StoredSource[]
  /** Throws `not_found`. */
  delete(tenant: TenantId, name: string, by: Deed): Promise<void>
  /** Makes the index anew from what is stored. Returns the number of sources. */
  reindex(tenant: TenantId): Promise<number>
}

export const LIBRARY_LIMITS = {
  /** Of a tenant. */
  sources: 20_000,
  textBytes: 128 * 1024 * 1024,
  nameBytes: 400,
} as const

const DEFAULT_SET = 'imported'
/** Text and sources in one batch of the store. */
const BATCH_BYTES = 8 * 1024 * 1024
const BATCH_SOURCES = 500

export interface LibraryDeps {
  readonly store: Store
  readonly knowledge: Pick<Knowledge, 'put' | 'delete'>
  readonly clock: Clock
  readonly log: Logger
}

/** Loads what every one of these tenants has imported, and makes it searchable. */
export async function openLibrary(deps: LibraryDeps, tenants: Iterable<TenantId>): Promise<Library> {
  const { store, knowledge, clock, log } = deps
  const collection = collectionOf({ store, clock }, SOURCES)
  const shelves = new Map<TenantId, Map<string, StoredSource>>()
  const queues = new Map<TenantId, Promise<unknown>>()

  const shelf = (tenant: TenantId) => {
    const known = shelves.get(tenant) ?? new Map<string, StoredSource>()
    shelves.set(tenant, known)
    return known
  }
  const inTurn = <T>(tenant: TenantId, work: () => Promise<T>): Promise<T> => {
    const mine = (queues.get(tenant) ?? Promise.resolve()).then(work)
    queues.set(
      tenant,
      mine.catch(() => undefined),
    )
    return mine
  }

  async function index(tenant: TenantId, source: StoredSource): Promise<void> {
    await knowledge.put(tenant, source.name, await loadDocuments(store, tenant, source))
  }

  for (const tenant of tenants) {
    for await (const record of scanned((options) => store.scan(tenant, SOURCES.def.name, options))) {
      const { value } = collection.typed(record)
      shelf(tenant).set(value.name, value)
      await index(tenant, value).catch((err: unknown) => {
        log.error({ err, tenant, source: value.name }, 'an imported source cannot be read; import it again')
      })
    }
  }

  async function importAll(
    tenant: TenantId,
    given: readonly GivenSource[],
    options: ImportOptions,
    signal: AbortSignal,
  ): Promise<ImportedSource[]> {
    const reader = new SourceReader()
    const told: ImportedSource[] = []
    const batch = new Batch(shelf(tenant).values())
    try {
      for (const one of given) {
        signal.throwIfAborted()
        const read = await readOne(reader, tenant, one, options, batch, signal)
        told.push(read.told)
        if (read.entry) batch.add(read.entry)
        if (batch.isFull) await commit(tenant, batch.take(), options)
      }
      await commit(tenant, batch.take(), options)
    } finally {
      reader.close()
    }
    return told
  }

  async function readOne(
    reader: SourceReader,
    tenant: TenantId,
    { name, bytes, ending = sourceKind(name) ?? '' }: GivenSource,
    options: ImportOptions,
    batch: Batch,
    signal: AbortSignal,
  ): Promise<{ readonly told: ImportedSource; readonly entry?: Entry }> {
    const known = shelf(tenant)
    const before = batch.get(name) ?? known.get(name)
    const refused = (problem: Wording) =>
      ({
        told: { name, status: 'refused', version: before?.version ?? 0, documents: 0, skipped: 0, problem },
      }) as const
    if (!isName(name)) return refused(BAD_NAME)
    const sha256 = sha256Hex(bytes)
    const set = options.knowledge ?? before?.knowledge ?? DEFAULT_SET
    const dataClass = options.class ?? before?.class
    if (before?.sha256 === sha256 && before.knowledge === set && before.class === dataClass) {
      const { version, documents } = before
      return { told: { name, status: 'unchanged', version, documents, skipped: 0 } }
    }
    const read = await reader.read(name, ending, bytes, signal)
    if ('problem' in read) return refused(read.problem)
    const text = textOf(read.documents)
    if (!batch.hasRoom(text.byteLength, before)) return refused(FULL)
    const source: StoredSource = {
      name,
      knowledge: set,
      ...(dataClass === undefined ? {} : { class: dataClass }),
      version: (before?.version ?? 0) + 1,
      sha256,
      sizeBytes: bytes.byteLength,
      textBytes: text.byteLength,
      documents: read.documents.length,
      parts: partsOf(text.byteLength),
      importedAt: clock.wall(),
      importedBy: options.actor,
    }
    const { version, documents } = source
    return {
      told: { name, status: before ? 'updated' : 'added', version, documents, skipped: read.skipped },
      entry: { source, before: known.get(name), text, documents: read.documents },
    }
  }

  async function commit(tenant: TenantId, entries: readonly Entry[], by: Deed): Promise<void> {
    if (entries.length === 0) return
    const changes = entries.flatMap(({ source, before, text }) => [
      collection.save(source),
      ...textChanges(source.name, text, before?.parts ?? 0),
    ])
    const isNew = entries.every(({ before }) => before === undefined)
    await write(tenant, changes, isNew ? 'CREATE' : 'UPDATE', entries, by)
    for (const { source, documents } of entries) {
      shelf(tenant).set(source.name, source)
      await knowledge.put(
        tenant,
        source.name,
        documents.map((document): KnowledgeDocument => indexed(source, document)),
      )
    }
    log.info({ tenant, sources: entries.length }, 'knowledge imported')
  }

  /** With one audit entry, which names every source that changes. */
  async function write(
    tenant: TenantId,
    changes: readonly Change[],
    action: AuditEntry['action'],
    entries: readonly { readonly source?: StoredSource; readonly before?: StoredSource | undefined }[],
    { actor, requestId }: Deed,
  ): Promise<void> {
    const snapshot = (sources: readonly (StoredSource | undefined)[]) => {
      const there = sources.filter((source) => source !== undefined)
      return there.length === 0 ? undefined : Buffer.from(JSON.stringify(there.map(audited)))
    }
    const [before, after] = [
      snapshot(entries.map((entry) => entry.before)),
      snapshot(entries.map(({ source }) => source)),
    ]
    const [only] = entries.length === 1 ? entries : []
    const name = only && (only.source ?? only.before)?.name
    await store.batch(tenant, changes, {
      time: clock.wall(),
      actor,
      action,
      object: name === undefined ? SOURCES.def.name : `${SOURCES.def.name}/${name}`,
      ...(requestId === undefined ? {} : { requestId }),
      ...(before && { before }),
      ...(after && { after }),
    })
  }

  return {
    import: (tenant, given, options, signal) =>
      inTurn(tenant, () => importAll(tenant, given, options, signal)),
    list: (tenant) => [...(shelves.get(tenant)?.values() ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1)),
    delete: (tenant, name, by) =>
      inTurn(tenant, async () => {
        const before = shelf(tenant).get(name)
        if (!before) {
          throw new YizhanError('not_found', 'nothing of this name was imported', { hint: 'knowledge list' })
        }
        const changes = [collection.delete(name), ...textChanges(name, undefined, before.parts)]
        await write(tenant, changes, 'DELETE', [{ before }], by)
        shelf(tenant).delete(name)
        knowledge.delete(tenant, name)
      }),
    reindex: (tenant) =>
      inTurn(tenant, async () => {
        const sources = [...shelf(tenant).values()]
        for (const source of sources) await index(tenant, source)
        return sources.length
      }),
  }
}

interface Entry {
  readonly source: StoredSource
  /** As it is in the store. */
  readonly before: StoredSource | undefined
  readonly text: Uint8Array
  readonly documents: readonly SourceDocument[]
}

/** What is written together. A name that is given twice counts as the last. */
class Batch {
  #entries = new Map<string, Entry>()
  #bytes = 0
  #allBytes = 0
  #allSources = 0

  constructor(stored: Iterable<StoredSource>) {
    for (const { textBytes } of stored) {
      this.#allBytes += textBytes
      this.#allSources++
    }
  }

  get isFull(): boolean {
    return this.#bytes >= BATCH_BYTES || this.#entries.size >= BATCH_SOURCES
  }

  hasRoom(textBytes: number, before: StoredSource | undefined): boolean {
    const isOver = this.#allBytes + textBytes - (before?.textBytes ?? 0) > LIBRARY_LIMITS.textBytes
    return !isOver && (before !== undefined || this.#allSources < LIBRARY_LIMITS.sources)
  }

  get(name: string): StoredSource | undefined {
    return this.#entries.get(name)?.source
  }

  add(entry: Entry): void {
    const { source, before } = entry
    const replaced = this.#entries.get(source.name)?.source ?? before
    this.#entries.set(source.name, entry)
    this.#bytes += source.textBytes
    this.#allBytes += source.textBytes - (replaced?.textBytes ?? 0)
    if (!replaced) this.#allSources++
  }

  take(): Entry[] {
    const entries = [...this.#entries.values()]
    this.#entries = new Map()
    this.#bytes = 0
    return entries
  }
}

function audited({ name, version, sha256, knowledge, documents, class: dataClass }: StoredSource) {
  return { name, version, sha256, knowledge, documents, class: dataClass }
}

function isName(name: string): boolean {
  const bytes = Buffer.byteLength(name)
  return bytes > 0 && bytes <= LIBRARY_LIMITS.nameBytes && !/[\p{Cc}\p{Surrogate}]/u.test(name)
}

const BAD_NAME: Wording = {
  en: `has no name of 1 to ${LIBRARY_LIMITS.nameBytes} bytes without control characters`,
  zh: `名称应为 1 至 ${LIBRARY_LIMITS.nameBytes} 字节，且不含控制字符`,
}
const FULL: Wording = {
  en: `does not fit: a tenant may import ${LIBRARY_LIMITS.sources} sources and 128 MiB of text`,
  zh: `放不下：每个租户最多导入 ${LIBRARY_LIMITS.sources} 个来源、128 MiB 文字`,
}
