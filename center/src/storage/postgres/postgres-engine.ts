import type { Clock, Logger, SealedItem, Sealer, TenantId } from '@yizhan/kernel'
import type { BatchInput } from '../batch-input.js'
import type { Commit } from '../commit-queue.js'
import type { Cursors } from '../cursor.js'
import type { EngineSize, RecordEngine, Row, Scope, ScopeCheck } from '../engine.js'
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
} from '../port.js'
import { isExpired, readRecord, sealContext, storedRecord } from '../record-codec.js'
import { openHead } from '../scope-head.js'
import { GatheredReads } from './gathered-reads.js'
import { postgresAudit } from './postgres-audit.js'
import type { BatchCommit, PostgresCommitter } from './postgres-commit.js'
import type { CompactDeps } from './postgres-compact.js'
import { postgresPlaces } from './postgres-places.js'
import { postgresScan } from './postgres-scan.js'
import { PostgresUpkeep } from './postgres-upkeep.js'
import { recordsAt } from './record-lookup.js'
import { storedBytes } from './row-value.js'
import { ScopeLanes } from './scope-lanes.js'
import type { SessionPool } from './session-pool.js'
import { HEAD, readRows, rowsOf } from './transaction.js'

export interface PostgresEngineDeps {
  /** Of the app role: for calls. */
  readonly pool: SessionPool
  /** Of the app role: for what takes long, and for outcomes of commits. */
  readonly upkeepPool: SessionPool
  readonly sweepPool: SessionPool
  readonly compacting: CompactDeps
  readonly sealer: Sealer
  readonly cursors: Cursors
  readonly clock: Clock
  readonly log: Logger
}

/** Upkeep that may not run beside a commit of its scope. */
interface Turn extends Commit {
  run(): Promise<void>
}

/** Records and audit entries of all tenants in one database, which several centers may share. Borrows the pools. */
export class PostgresEngine implements RecordEngine {
  readonly name = 'postgres'
  readonly #deps: PostgresEngineDeps
  readonly #lanes: ScopeLanes<BatchCommit | Turn>
  readonly #reads: GatheredReads
  readonly #upkeep: PostgresUpkeep

  constructor(deps: PostgresEngineDeps, committer: PostgresCommitter) {
    this.#deps = deps
    this.#reads = new GatheredReads(deps.pool)
    this.#lanes = new ScopeLanes((scope, group) => commitInOrder(committer, scope, group))
    this.#upkeep = new PostgresUpkeep({
      ...deps,
      committer,
      inTurn: (scope, work) => this.#inTurn(scope, work),
    })
  }

  async get(scope: Scope, collection: string, key: string): Promise<StoredRecord | undefined> {
    const stored = await this.#reads.read(scope, collection, key)
    return stored && (await this.#open(scope, collection, [[key, stored]]))[0]
  }

  async getMany(
    scope: Scope,
    collection: string,
    keys: readonly string[],
  ): Promise<readonly (StoredRecord | undefined)[]> {
    const places = keys.map((key) => ({ collection, key }))
    const stored = await recordsAt(this.#deps.pool, scope, places)
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
      this.#lanes.push(scope, { scope, ...input, resolve, reject })
    })
  }

  async scan(scope: Scope, collection: string, options: ScanOptions = {}): Promise<Page> {
    const page = await postgresScan(this.#deps, scope, collection, options)
    const records = await this.#open(scope, collection, page.pairs)
    const there = records.filter((record) => record !== undefined)
    return page.cursor === undefined ? { records: there } : { records: there, cursor: page.cursor }
  }

  places(
    scope: Scope,
    query: PlaceQuery,
    options: PageOptions = {},
  ): Promise<{ readonly places: readonly RecordPlace[]; readonly cursor?: string }> {
    return postgresPlaces(this.#deps, scope, query, options)
  }

  audit(
    tenant: TenantId,
    options: AuditOptions = {},
  ): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }> {
    return postgresAudit(this.#deps, tenant, options)
  }

  async head(scope: Scope): Promise<ScopeHead | undefined> {
    const [row] = await readRows(this.#deps.pool, scope, { ...HEAD, values: [rowsOf(scope)] })
    if (!row) return undefined
    const state = await openHead(this.#deps.sealer, scope, storedBytes(row))
    const { records, bytes, auditSequence, auditHash, auditFirst } = state
    return { records, bytes, auditSequence, auditHash, auditFirst }
  }

  drain(): Promise<void> {
    return this.#lanes.close()
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

  #inTurn<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#lanes.push(scope, { bytes: 0, run: () => work().then(resolve, reject), reject })
    })
  }

  /** In the order of the pairs; undefined for what has expired or cannot be opened any more. */
  async #open(
    scope: Scope,
    collection: string,
    pairs: readonly (readonly [string, Uint8Array])[],
  ): Promise<(StoredRecord | undefined)[]> {
    const now = this.#deps.clock.wall()
    const read = pairs.map(([key, bytes]) => ({ key, ...readRecord(bytes) }))
    const items: SealedItem[] = read.map(({ key, header, sealed }) => ({
      sealed,
      context: sealContext(scope, collection, key, header),
    }))
    const opened = await this.#deps.sealer.openAll(items)
    return read.map(({ key, header }, i) =>
      isExpired(header, now) ? undefined : storedRecord(key, header, opened[i]),
    )
  }
}

/** Batches in one group as far as no turn of upkeep stands between them. */
async function commitInOrder(
  committer: PostgresCommitter,
  scope: Scope,
  group: readonly (BatchCommit | Turn)[],
): Promise<void> {
  let batches: BatchCommit[] = []
  for (const commit of group) {
    if ('changes' in commit) {
      batches.push(commit)
      continue
    }
    if (batches.length > 0) await committer.commit(scope, batches)
    batches = []
    await commit.run()
  }
  if (batches.length > 0) await committer.commit(scope, batches)
}
