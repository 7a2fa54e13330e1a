import type { Clock, Logger, SealedItem, Sealer, TenantId } from '@yizhan/kernel'
import type { BatchInput } from './batch-input.js'
import { type Commit, CommitQueue } from './commit-queue.js'
import type { Cursors } from './cursor.js'
import type { EngineSize, RecordEngine, Row, Scope, ScopeCheck } from './engine.js'
import { levelAudit } from './level-audit.js'
import { type BatchCommit, LevelCommitter } from './level-commit.js'
import type { LevelDatabase } from './level-database.js'
import { recordKey } from './level-key.js'
import { levelPlaces } from './level-places.js'
import { type FoundRecord, LevelReads } from './level-reads.js'
import { levelScan } from './level-scan.js'
import { LevelUpkeep } from './level-upkeep.js'
import type {
  AuditOptions,
  AuditRecord,
  Page,
  PageOptions,
  PlaceQuery,
  RecordPlace,
  ScanOptions,
  ScopeHead,
  StoredRecord,
} from './port.js'
import { isExpired, readRecord, sealContext, storedRecord } from './record-codec.js'

export interface LevelEngineDeps {
  readonly database: LevelDatabase
  readonly sealer: Sealer
  readonly cursors: Cursors
  readonly clock: Clock
  readonly log: Logger
}

/** Upkeep that may not run beside a commit. */
interface Turn extends Commit {
  run(): Promise<void>
}

/** Records and audit entries in one LevelDB, for the tenants of a shard or for the system. Borrows the database. */
export class LevelEngine implements RecordEngine {
  readonly name: string
  readonly #deps: LevelEngineDeps
  readonly #committer: LevelCommitter
  readonly #queue: CommitQueue<BatchCommit | Turn>
  readonly #reads: LevelReads
  readonly #upkeep: LevelUpkeep

  constructor(name: string, deps: LevelEngineDeps) {
    const committer = new LevelCommitter(deps)
    this.name = name
    this.#deps = deps
    this.#committer = committer
    this.#reads = new LevelReads(deps.database, (found) => this.#openFound(found))
    this.#queue = new CommitQueue((group) => commitInOrder(committer, group))
    const { database, sealer } = deps
    this.#upkeep = new LevelUpkeep({ database, sealer, committer, inTurn: (work) => this.#inTurn(work) })
  }

  get(scope: Scope, collection: string, key: string): Promise<StoredRecord | undefined> {
    return this.#reads.read(scope, collection, key)
  }

  async getMany(
    scope: Scope,
    collection: string,
    keys: readonly string[],
  ): Promise<readonly (StoredRecord | undefined)[]> {
    const stored = await this.#deps.database.getMany(keys.map((key) => recordKey(scope, collection, key)))
    const found = keys.flatMap((key, i): [string, Uint8Array][] => {
      const bytes = stored[i]
      return bytes ? [[key, bytes]] : []
    })
    const records = await this.#open(scope, collection, found)
    const byKey = new Map(found.map(([key], i) => [key, records[i]]))
    return keys.map((key) => byKey.get(key))
  }

  batch(scope: Scope, input: BatchInput): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ scope, ...input, resolve, reject })
    })
  }

  async scan(scope: Scope, collection: string, options: ScanOptions = {}): Promise<Page> {
    const { database, cursors } = this.#deps
    const page = await levelScan({ database, cursors }, scope, collection, options)
    const records = await this.#open(scope, collection, page.pairs)
    const there = records.filter((record) => record !== undefined)
    return page.cursor === undefined ? { records: there } : { records: there, cursor: page.cursor }
  }

  async places(
    scope: Scope,
    query: PlaceQuery,
    options: PageOptions = {},
  ): Promise<{ readonly places: readonly RecordPlace[]; readonly cursor?: string }> {
    return levelPlaces(this.#deps, scope, query, options)
  }

  async audit(
    tenant: TenantId,
    options: AuditOptions = {},
  ): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }> {
    return levelAudit({ ...this.#deps, head: () => this.head(tenant) }, tenant, options)
  }

  async head(scope: Scope): Promise<ScopeHead | undefined> {
    const state = await this.#committer.head(scope)
    if (!state) return undefined
    const { records, bytes, auditSequence, auditHash, auditFirst } = state
    return { records, bytes, auditSequence, auditHash, auditFirst }
  }

  drain(): Promise<void> {
    return this.#queue.close()
  }

  tenants(): Promise<readonly TenantId[]> {
    return this.#upkeep.tenants()
  }

  check(scope: Scope, signal: AbortSignal): Promise<ScopeCheck> {
    return this.#upkeep.check(scope, signal)
  }

  rows(scope: Scope, signal: AbortSignal): AsyncIterable<readonly Row[]> {
    return this.#upkeep.rows(scope, signal)
  }

  load(scope: Scope, rows: AsyncIterable<readonly Row[]>, signal: AbortSignal): Promise<void> {
    return this.#upkeep.load(scope, rows, signal)
  }

  drop(scope: Scope, signal: AbortSignal): Promise<void> {
    return this.#upkeep.drop(scope, signal)
  }

  reseal(scope: Scope, signal: AbortSignal): Promise<{ readonly resealed: number }> {
    return this.#upkeep.reseal(scope, signal)
  }

  pruneAudit(tenant: TenantId, through: number): Promise<void> {
    return this.#upkeep.pruneAudit(tenant, through)
  }

  compact(signal: AbortSignal, scope?: Scope): Promise<void> {
    return this.#upkeep.compact(signal, scope)
  }

  reclaim(scope: Scope, collection: string, through: string, signal: AbortSignal): Promise<void> {
    return this.#upkeep.reclaim(scope, collection, through, signal)
  }

  size(scope?: Scope): Promise<EngineSize> {
    return this.#upkeep.size(scope)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes: 0, run: () => work().then(resolve, reject), reject })
    })
  }

  #open(
    scope: Scope,
    collection: string,
    pairs: readonly (readonly [string, Uint8Array])[],
  ): Promise<(StoredRecord | undefined)[]> {
    return this.#openFound(pairs.map(([key, bytes]) => ({ scope, collection, key, bytes })))
  }

  /** Undefined for what has expired or cannot be opened any more. */
  async #openFound(found: readonly FoundRecord[]): Promise<(StoredRecord | undefined)[]> {
    const now = this.#deps.clock.wall()
    const items: SealedItem[] = []
    const headers = found.map(({ scope, collection, key, bytes }) => {
      const { header, sealed } = readRecord(bytes)
      items.push({ sealed, context: sealContext(scope, collection, key, header) })
      return header
    })
    const opened = await this.#deps.sealer.openAll(items)
    return headers.map((header, i) =>
      isExpired(header, now) ? undefined : storedRecord(found[i]?.key ?? '', header, opened[i]),
    )
  }
}

/** Batches in one group as far as no turn of upkeep stands between them. */
async function commitInOrder(
  committer: LevelCommitter,
  group: readonly (BatchCommit | Turn)[],
): Promise<void> {
  let batches: BatchCommit[] = []
  for (const commit of group) {
    if ('changes' in commit) {
      batches.push(commit)
      continue
    }
    if (batches.length > 0) await committer.commit(batches)
    batches = []
    await commit.run()
  }
  if (batches.length > 0) await committer.commit(batches)
}
