import { type Logger, type Sealer, type TenantId, YizhanError } from '@yizhan/kernel'
import { AUDIT_COLLECTION, decodeAudit } from './audit-codec.js'
import type { BatchInput } from './batch-input.js'
import { CommitQueue } from './commit-queue.js'
import type { Cursors } from './cursor.js'
import { type BatchCommit, LevelCommitter } from './level-commit.js'
import type { LevelDatabase } from './level-database.js'
import {
  auditKey,
  auditRange,
  keyOfRecord,
  recordKey,
  recordRange,
  type Scope,
  sequenceOfAuditKey,
  sequenceText,
} from './level-key.js'
import { checkCollection, checkKey, checkScan, STORE_LIMITS } from './limits.js'
import type { AuditEntry, Page, ScanOptions, StoredRecord } from './port.js'
import { decodeRecord } from './record-codec.js'

/** Records and audit entries in one LevelDB, for the tenants of a shard or for the system. Borrows the database. */
export class LevelRecords {
  readonly #database: LevelDatabase
  readonly #sealer: Sealer
  readonly #cursors: Cursors
  readonly #log: Logger
  readonly #queue: CommitQueue<BatchCommit>

  constructor(deps: {
    readonly database: LevelDatabase
    readonly sealer: Sealer
    readonly cursors: Cursors
    readonly log: Logger
  }) {
    const committer = new LevelCommitter(deps)
    this.#database = deps.database
    this.#sealer = deps.sealer
    this.#cursors = deps.cursors
    this.#log = deps.log
    this.#queue = new CommitQueue((group) => committer.commit(group))
  }

  async get(scope: Scope, collection: string, key: string): Promise<StoredRecord | undefined> {
    checkCollection(collection)
    checkKey(key)
    const stored = await this.#database.get(recordKey(scope, collection, key))
    return stored && decodeRecord(stored, { tenant: scope, collection, key }, this.#sealer)
  }

  /** Batches of one scope are applied in the order of the calls. */
  batch(scope: Scope, input: BatchInput): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ scope, ...input, resolve, reject })
    })
  }

  async scan(scope: Scope, collection: string, options: ScanOptions = {}): Promise<Page> {
    checkCollection(collection)
    const { prefix, limit } = checkScan(options)
    const place = { scope: scope ?? '', collection, prefix }
    const after = options.cursor === undefined ? undefined : this.#cursors.read(place, options.cursor)
    const pairs = await this.#database.page(recordRange(scope, collection, prefix), {
      limit: limit + 1,
      maxBytes: STORE_LIMITS.pageBytes,
      ...(after === undefined ? {} : { after: recordKey(scope, collection, after) }),
    })
    const records = pairs.slice(0, limit).map(([levelKey, stored]) => {
      const key = keyOfRecord(scope, collection, levelKey)
      return decodeRecord(stored, { tenant: scope, collection, key }, this.#sealer)
    })
    const last = records.at(-1)
    const more = pairs.length > limit || sizeOf(pairs) > STORE_LIMITS.pageBytes
    return more && last ? { records, cursor: this.#cursors.make(place, last.key) } : { records }
  }

  /** Entries are numbered without gaps, so that a lost one shows: `data_corrupt` with the cursor behind the gap. */
  async audit(
    tenant: TenantId,
    options: ScanOptions = {},
  ): Promise<{ readonly entries: readonly AuditEntry[]; readonly cursor?: string }> {
    const { prefix, limit } = checkScan(options)
    if (prefix !== '')
      throw new YizhanError('invalid_argument', 'audit entries have no key to take a prefix of')
    const place = { scope: tenant, collection: AUDIT_COLLECTION, prefix }
    const cursor = options.cursor === undefined ? undefined : this.#cursors.read(place, options.cursor)
    const done = cursor === undefined ? 0 : Number.parseInt(cursor, 16)
    const pairs = await this.#database.page(auditRange(tenant), {
      limit: limit + 1,
      maxBytes: STORE_LIMITS.pageBytes,
      ...(done === 0 ? {} : { after: auditKey(tenant, done) }),
    })
    const entries = pairs.slice(0, limit).map(([levelKey, stored], i) => {
      const sequence = sequenceOfAuditKey(levelKey)
      const expected = done + i + 1
      if (sequence !== expected)
        throw this.#gap(tenant, expected, sequence, this.#cursors.make(place, sequenceText(sequence - 1)))
      return decodeAudit(tenant, sequence, stored, this.#sealer)
    })
    const more = pairs.length > limit || sizeOf(pairs) > STORE_LIMITS.pageBytes
    return more
      ? { entries, cursor: this.#cursors.make(place, sequenceText(done + entries.length)) }
      : { entries }
  }

  /** Resolves when every accepted batch is through; later ones are refused with `unavailable`. */
  drain(): Promise<void> {
    return this.#queue.close()
  }

  #gap(tenant: TenantId, expected: number, found: number, cursor: string): YizhanError {
    const missing = found - expected
    this.#log.error({ tenant, missing, firstMissing: expected }, 'audit entries are missing')
    return new YizhanError('data_corrupt', `${missing} audit entries of ${tenant} are missing`, {
      details: { tenant, firstMissing: expected, missing, cursor },
    })
  }
}

function sizeOf(pairs: readonly (readonly [Buffer, Uint8Array])[]): number {
  return pairs.reduce((sum, [, value]) => sum + value.length, 0)
}
