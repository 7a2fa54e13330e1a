import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { asTenantId, type Sealer, type TenantId, YizhanError } from '@yizhan/kernel'
import { readAudit } from './audit-codec.js'
import type { EngineSize, RecordUpkeep, Row, Scope, ScopeCheck } from './engine.js'
import { levelCheck } from './level-check.js'
import type { LevelCommitter } from './level-commit.js'
import { levelCompact } from './level-compact.js'
import type { LevelDatabase, LevelWrite } from './level-database.js'
import {
  auditKey,
  auditThrough,
  behindTenant,
  headKey,
  type KeyRange,
  recordsThrough,
  scopeRanges,
  scopeSpan,
  tenantText,
} from './level-key.js'
import { levelLoad } from './level-load.js'
import { levelReseal } from './level-reseal.js'
import { levelRows } from './level-rows.js'
import { prunedHead } from './scope-head.js'

const DELETES = 1_000
const LAST = Buffer.from([0xff])
const EVERYTHING: KeyRange = { gte: Buffer.from([0]), lt: LAST }

export interface LevelUpkeepDeps {
  readonly database: LevelDatabase
  readonly sealer: Sealer
  readonly committer: LevelCommitter
  /** Runs between commits, never beside one. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
}

/**
 * The upkeep of one LevelDB. `load` and `drop` hold only against each other's pages: whoever calls them keeps batches of
 * that scope away.
 */
export class LevelUpkeep implements RecordUpkeep {
  readonly #deps: LevelUpkeepDeps

  constructor(deps: LevelUpkeepDeps) {
    this.#deps = deps
  }

  async tenants(): Promise<readonly TenantId[]> {
    const found: TenantId[] = []
    // Behind the system's, whose name is empty.
    let from = behindTenant('')
    for (;;) {
      const [key] = await this.#deps.database.keys({ gte: from, lt: LAST }, 1)
      if (!key) return found
      const text = tenantText(key)
      const tenant = asTenantId(text)
      if (!tenant) throw new YizhanError('data_corrupt', 'a key belongs to no tenant')
      found.push(tenant)
      from = behindTenant(text)
    }
  }

  check(scope: Scope, signal: AbortSignal): Promise<ScopeCheck> {
    return levelCheck(this.#deps, scope, signal)
  }

  rows(scope: Scope, signal: AbortSignal): AsyncIterable<readonly Row[]> {
    return levelRows(this.#deps.database, scope, signal)
  }

  async load(scope: Scope, rows: AsyncIterable<readonly Row[]>, signal: AbortSignal): Promise<void> {
    const { database } = this.#deps
    await levelLoad({ database, write: (writes) => this.#write(writes) }, scope, rows, signal)
    this.#deps.committer.forget(scope)
  }

  async drop(scope: Scope, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.#deps.inTurn(async () => {
      this.#deps.committer.forget(scope)
      await this.#deps.database.write([{ key: headKey(scope) }])
    })
    for (const range of scopeRanges(scope)) await this.#deleteRange(range, signal)
  }

  reseal(scope: Scope, signal: AbortSignal): Promise<{ readonly resealed: number }> {
    return levelReseal(this.#deps, scope, signal)
  }

  async pruneAudit(tenant: TenantId, through: number): Promise<void> {
    if (!Number.isSafeInteger(through) || through < 0) {
      throw new YizhanError('invalid_argument', 'the last entry to prune is not a whole number from 0')
    }
    const { committer, inTurn } = this.#deps
    await inTurn(async () => {
      const head = await committer.head(tenant)
      if (through > (head?.auditSequence ?? 0)) {
        throw new YizhanError('invalid_argument', 'the last entry to prune is not there yet')
      }
      if (!head || through < head.auditFirst) return
      const hash = await this.#hashOf(tenant, through)
      await committer.rewrite(tenant, async (now) => ({ head: prunedHead(now, through, hash), writes: [] }))
    })
    // Behind the head: a crash in between leaves entries that nobody counts, and the next pruning takes them too.
    const range = auditThrough(tenant, through)
    const { signal } = new AbortController()
    const deleted = await this.#deleteRange(range, signal)
    if (deleted >= DELETES) await this.#compact(range, signal)
  }

  compact(signal: AbortSignal, scope?: Scope): Promise<void> {
    return this.#compact(scope === undefined ? EVERYTHING : scopeSpan(scope), signal)
  }

  reclaim(scope: Scope, collection: string, through: string, signal: AbortSignal): Promise<void> {
    return this.#compact(recordsThrough(scope, collection, through), signal)
  }

  async size(scope?: Scope): Promise<EngineSize> {
    const { database } = this.#deps
    const bytes = await directoryBytes(database.directory)
    return scope === undefined
      ? { bytes }
      : { bytes, scopeBytes: await database.approximateSize(scopeSpan(scope)) }
  }

  async #hashOf(tenant: TenantId, sequence: number): Promise<string> {
    const bytes = await this.#deps.database.get(auditKey(tenant, sequence))
    if (bytes) return readAudit(sequence, bytes).hash
    throw new YizhanError('data_corrupt', 'an audit entry is missing', { details: { tenant, sequence } })
  }

  #compact(span: KeyRange, signal: AbortSignal): Promise<void> {
    const { database } = this.#deps
    return levelCompact({ database, write: (writes) => this.#write(writes) }, signal, span)
  }

  #write(writes: readonly LevelWrite[]): Promise<void> {
    return this.#deps.inTurn(() => this.#deps.database.write(writes))
  }

  /** How many there were. */
  async #deleteRange({ gte, lt }: KeyRange, signal: AbortSignal): Promise<number> {
    let from = gte
    let deleted = 0
    for (;;) {
      signal.throwIfAborted()
      const keys = await this.#deps.database.keys({ gte: from, lt }, DELETES)
      const last = keys.at(-1)
      if (!last) return deleted
      await this.#write(keys.map((key) => ({ key })))
      deleted += keys.length
      from = last
    }
  }
}

/** A file that goes while they are counted has no size. */
async function directoryBytes(directory: string): Promise<number> {
  const names = await readdir(directory)
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(directory, name)).catch(() => undefined))?.size ?? 0),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
