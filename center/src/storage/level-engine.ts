import {
  type Clock,
  type Logger,
  type SealedItem,
  type Sealer,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { AUDIT_COLLECTION, readAudit, type SealedAudit } from './audit-codec.js'
import { openAudit } from './audit-open.js'
import type { BatchInput } from './batch-input.js'
import { type Commit, CommitQueue } from './commit-queue.js'
import type { Cursors } from './cursor.js'
import type { EngineSize, RecordEngine, Row, Scope, ScopeCheck } from './engine.js'
import { type BatchCommit, LevelCommitter } from './level-commit.js'
import type { LevelDatabase } from './level-database.js'
import {
  auditKey,
  auditRange,
  expiryRange,
  placeOfEntry,
  recordKey,
  sequenceOfAuditKey,
  subjectRange,
} from './level-key.js'
import { levelScan } from './level-scan.js'
import { LevelUpkeep } from './level-upkeep.js'
import { STORE_LIMITS } from './limits.js'
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
import { readSequence, sequenceText } from './sequence.js'

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
  readonly #upkeep: LevelUpkeep

  constructor(name: string, deps: LevelEngineDeps) {
    const committer = new LevelCommitter(deps)
    this.name = name
    this.#deps = deps
    this.#committer = committer
    this.#queue = new CommitQueue((group) => commitInOrder(committer, group))
    const { database, sealer } = deps
    this.#upkeep = new LevelUpkeep({ database, sealer, committer, inTurn: (work) => this.#inTurn(work) })
  }

  async get(scope: Scope, collection: string, key: string): Promise<StoredRecord | undefined> {
    const stored = await this.#deps.database.get(recordKey(scope, collection, key))
    if (!stored) return undefined
    return (await this.#open(scope, collection, [[key, stored]]))[0]
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
    { cursor, limit = STORE_LIMITS.scanDefault }: PageOptions = {},
  ): Promise<{ readonly places: readonly RecordPlace[]; readonly cursor?: string }> {
    const { database, cursors } = this.#deps
    const bySubject = 'subject' in query
    const range = bySubject ? subjectRange(scope, query.subject) : expiryRange(scope, query.expiredBefore)
    const place = { scope: scope ?? '', collection: '$places', query: JSON.stringify(query) }
    const after = cursor === undefined ? undefined : cursors.read(place, cursor)
    const pairs = await database.page(range, {
      limit: limit + 1,
      maxBytes: STORE_LIMITS.pageBytes,
      ...(after === undefined ? {} : { after: Buffer.from(after) }),
    })
    const taken = pairs.slice(0, limit)
    const at = taken.map(([levelKey]) => placeOfEntry(scope, levelKey))
    const stored = await database.getMany(at.map(({ collection, key }) => recordKey(scope, collection, key)))
    const places = at.flatMap(({ collection, key }, i) => {
      const bytes = stored[i]
      // Gone between the two readings.
      if (!bytes) return []
      const { version, subject, expiresAt } = readRecord(bytes).header
      const more = {
        ...(subject === undefined ? {} : { subject }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      }
      return [{ collection, key, version, ...more }]
    })
    const last = taken.at(-1)
    return pairs.length > limit && last
      ? { places, cursor: cursors.make(place, last[0].toString('utf8')) }
      : { places }
  }

  /** Entries are numbered without gaps, so that a lost one shows: `data_corrupt` with the cursor behind the gap. */
  async audit(
    tenant: TenantId,
    options: AuditOptions = {},
  ): Promise<{ readonly entries: readonly AuditRecord[]; readonly cursor?: string }> {
    const { database, cursors, sealer } = this.#deps
    const { limit = STORE_LIMITS.scanDefault, reverse = false } = options
    const place = { scope: tenant, collection: AUDIT_COLLECTION, query: reverse ? 'reverse' : '' }
    const { cursor } = options
    const after = cursor === undefined ? undefined : readSequence(cursors.read(place, cursor))
    const head = await this.head(tenant)
    if (!head) return { entries: [] }
    const start = after ?? auditStart(head, options)
    const first = reverse ? Math.max(head.auditFirst, start - limit + 1) : Math.max(head.auditFirst, start)
    const range = {
      gte: auditKey(tenant, first),
      lt: reverse ? auditKey(tenant, start + 1) : auditRange(tenant).lt,
    }
    const pairs = await database.page(range, { limit, maxBytes: STORE_LIMITS.pageBytes, reverse })
    const step = reverse ? -1 : 1
    const sealed: SealedAudit[] = pairs.map(([levelKey, bytes], i) => {
      const sequence = sequenceOfAuditKey(tenant, levelKey)
      const expected = (reverse ? start : first) + step * i
      if (sequence !== expected)
        throw this.#gap(tenant, expected, sequence, cursors.make(place, sequenceText(sequence)))
      return readAudit(sequence, bytes)
    })
    const reached = (reverse ? start : first) + step * sealed.length
    const ended = reverse ? reached < head.auditFirst : reached > head.auditSequence
    if (!ended && sealed.length < limit && size(pairs) <= STORE_LIMITS.pageBytes) {
      // What the head counts must be there: the tail was cut.
      throw this.#gap(tenant, reached, (reverse ? head.auditFirst : head.auditSequence) + step, undefined)
    }
    const entries = await openAudit(tenant, sealed, sealer)
    return ended ? { entries } : { entries, cursor: cursors.make(place, sequenceText(reached)) }
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

  size(scope?: Scope): Promise<EngineSize> {
    return this.#upkeep.size(scope)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ bytes: 0, run: () => work().then(resolve, reject), reject })
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

  #gap(tenant: TenantId, expected: number, found: number, cursor: string | undefined): YizhanError {
    const missing = Math.abs(found - expected)
    const firstMissing = Math.min(expected, found + (found < expected ? 1 : 0))
    this.#deps.log.error({ tenant, missing, firstMissing }, 'audit entries are missing')
    return new YizhanError('data_corrupt', `${missing} audit entries of ${tenant} are missing`, {
      details: { tenant, firstMissing, missing, ...(cursor === undefined ? {} : { cursor }) },
    })
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

/** The sequence number that a first page begins at. */
function auditStart(head: ScopeHead, { from, reverse }: AuditOptions): number {
  return reverse ? Math.min(from ?? head.auditSequence, head.auditSequence) : (from ?? head.auditFirst)
}

function size(pairs: readonly (readonly [Buffer, Uint8Array])[]): number {
  return pairs.reduce((sum, [, value]) => sum + value.length, 0)
}
