import { type Sealer, YizhanError } from '@yizhan/kernel'
import { encodeAudit } from './audit-codec.js'
import type { BatchInput } from './batch-input.js'
import type { Commit } from './commit-queue.js'
import type { LevelDatabase, LevelWrite } from './level-database.js'
import { auditKey, auditRange, recordKey, type Scope, sequenceOfAuditKey } from './level-key.js'
import type { Change } from './port.js'
import { encodeRecord, readHeader } from './record-codec.js'

/** One batch on its way; it is settled once, by `resolve` with the new versions of its puts or by `reject`. */
export interface BatchCommit extends Commit, BatchInput {
  readonly scope: Scope
  resolve(versions: readonly number[]): void
}

/** Key (latin1) → version after what is already in the group; 0 = deleted. */
type Versions = Map<string, number>

interface Prepared {
  readonly batch: BatchCommit
  readonly writes: readonly LevelWrite[]
  readonly versions: readonly number[]
}

/** Checks and writes groups of batches: each batch is all or none, each tenant's audit entries are numbered without gaps. */
export class LevelCommitter {
  readonly #database: LevelDatabase
  readonly #sealer: Sealer
  /** Last audit number on disk, by scope; dropped when a write fails, because then only the disk knows. */
  readonly #sequences = new Map<Scope, number>()

  constructor(deps: { readonly database: LevelDatabase; readonly sealer: Sealer }) {
    this.#database = deps.database
    this.#sealer = deps.sealer
  }

  async commit(group: readonly BatchCommit[]): Promise<void> {
    const stored = await this.#read(group)
    const versions: Versions = new Map()
    const sequences = await this.#loadSequences(group)
    const ready: Prepared[] = []
    for (const batch of group) {
      try {
        ready.push(this.#prepare(batch, stored, versions, sequences))
      } catch (thrown) {
        batch.reject(thrown)
      }
    }
    try {
      await this.#database.write(ready.flatMap((prepared) => prepared.writes))
    } catch (thrown) {
      this.#sequences.clear()
      for (const { batch } of ready) batch.reject(thrown)
      return
    }
    for (const [scope, sequence] of sequences) this.#sequences.set(scope, sequence)
    for (const { batch, versions: made } of ready) batch.resolve(made)
  }

  async #read(group: readonly BatchCommit[]): Promise<ReadonlyMap<string, Uint8Array | undefined>> {
    const keys = new Map<string, Buffer>()
    for (const { scope, changes } of group) {
      for (const change of changes) {
        // A delete that expects nothing needs no version.
        if (change.op === 'delete' && change.expectedVersion === undefined) continue
        const key = recordKey(scope, change.collection, change.key)
        keys.set(key.toString('latin1'), key)
      }
    }
    const values = keys.size > 0 ? await this.#database.getMany([...keys.values()]) : []
    return new Map([...keys.keys()].map((id, i) => [id, values[i]]))
  }

  async #loadSequences(group: readonly BatchCommit[]): Promise<Map<Scope, number>> {
    const sequences = new Map<Scope, number>()
    for (const { scope, audit } of group) {
      if (!audit || sequences.has(scope)) continue
      const known = this.#sequences.get(scope)
      if (known === undefined) {
        const last = await this.#database.lastKey(auditRange(scope))
        sequences.set(scope, last ? sequenceOfAuditKey(last) : 0)
      } else {
        sequences.set(scope, known)
      }
    }
    return sequences
  }

  /** Throws `conflict` before it has touched `versions` or `sequences`. */
  #prepare(
    batch: BatchCommit,
    stored: ReadonlyMap<string, Uint8Array | undefined>,
    versions: Versions,
    sequences: Map<Scope, number>,
  ): Prepared {
    const { scope, audit } = batch
    const own: Versions = new Map()
    const writes: LevelWrite[] = []
    const made: number[] = []
    for (const change of batch.changes) {
      const key = recordKey(scope, change.collection, change.key)
      const id = key.toString('latin1')
      const current = own.get(id) ?? versions.get(id) ?? versionOf(stored.get(id))
      checkVersion(change, current)
      if (change.op === 'delete') {
        own.set(id, 0)
        writes.push({ key })
        continue
      }
      const version = current + 1
      const { collection, subject, value } = change
      const place = { tenant: scope, collection, key: change.key, version }
      const context = subject === undefined ? place : { ...place, subject }
      own.set(id, version)
      writes.push({ key, value: encodeRecord(value, context, this.#sealer) })
      made.push(version)
    }
    if (audit && scope !== null) {
      const sequence = (sequences.get(scope) ?? 0) + 1
      writes.push({
        key: auditKey(scope, sequence),
        value: encodeAudit(scope, sequence, audit, this.#sealer),
      })
      sequences.set(scope, sequence)
    }
    for (const [id, version] of own) versions.set(id, version)
    return { batch, writes, versions: made }
  }
}

function versionOf(stored: Uint8Array | undefined): number {
  return stored ? readHeader(stored).version : 0
}

function checkVersion(change: Change, current: number): void {
  const { expectedVersion, collection, key } = change
  if (expectedVersion === undefined || expectedVersion === current) return
  throw new YizhanError(
    'conflict',
    `a record of ${collection} is at version ${current}, not ${expectedVersion}`,
    {
      details: { collection, key, expectedVersion, currentVersion: current },
    },
  )
}
