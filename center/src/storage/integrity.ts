import { type Sealer, YizhanError } from '@yizhan/kernel'
import { readAudit, type SealedAudit } from './audit-codec.js'
import { openAudit } from './audit-open.js'
import type { Scope, ScopeCheck, ScopeProblem } from './engine.js'
import { type RecordHeader, readRecord, sealContext } from './record-codec.js'
import { addDigest, digestOf, type HeadState, openHead } from './scope-head.js'
import { readSequence, sequenceText } from './sequence.js'

const MAX_LISTED = 1_000

export interface StoredRow {
  readonly collection: string
  readonly key: string
  readonly bytes: Uint8Array
}

/**
 * Holds what lies on disk of a scope against its head, for every engine: the head, then all records in pages of any
 * order, then all audit entries by sequence, then `finish`. Damage is a finding; only a failing disk throws.
 */
export class ScopeIntegrity {
  readonly #scope: Scope
  readonly #sealer: Sealer
  readonly #problems: ScopeProblem[] = []
  #problemCount = 0
  #head: HeadState | undefined
  #headDamaged = false
  #records = 0
  #bytes = 0
  #digest = 0n
  #entries = 0
  /** Sequence and hash of the entry before; the hash is undefined behind a damaged or missing one. */
  #last: { readonly sequence: number; readonly hash: string | undefined } | undefined

  constructor(scope: Scope, sealer: Sealer) {
    this.#scope = scope
    this.#sealer = sealer
  }

  /** `bytes`: as stored; undefined if there is none. */
  async head(bytes: Uint8Array | undefined): Promise<void> {
    if (!bytes) return
    const opened = await this.#damage(() => openHead(this.#sealer, this.#scope, bytes))
    if (opened.s === 'ok') {
      this.#head = opened.value
      const { auditFirst, auditBefore } = opened.value
      this.#last = { sequence: auditFirst - 1, hash: auditBefore }
    } else {
      this.#headDamaged = true
      this.problem({ what: 'head_damaged', detail: opened.why })
    }
  }

  /** Their headers in order, undefined for one that cannot be read. */
  async records(rows: readonly StoredRow[]): Promise<(RecordHeader | undefined)[]> {
    const read = await Promise.all(
      rows.map(async (row) => {
        this.#records += 1
        this.#bytes += row.bytes.length
        this.#digest = addDigest(this.#digest, digestOf(row.bytes))
        const outcome = await this.#damage(async () => readRecord(row.bytes))
        if (outcome.s === 'ok') return { row, ...outcome.value }
        this.#recordDamaged(row, outcome.why)
        return undefined
      }),
    )
    const readable = read.filter((one) => one !== undefined)
    const items = readable.map(({ row, header, sealed }) => ({
      sealed,
      context: sealContext(this.#scope, row.collection, row.key, header),
    }))
    if ((await this.#damage(() => this.#sealer.openAll(items))).s === 'damaged') {
      for (const [i, item] of items.entries()) {
        const one = await this.#damage(() => this.#sealer.openAll([item]))
        const row = readable[i]?.row
        if (one.s === 'damaged' && row) this.#recordDamaged(row, one.why)
      }
    }
    return read.map((one) => one?.header)
  }

  /** Entries by sequence; those before the head's first were pruned and do not count. */
  async audit(rows: readonly { readonly key: string; readonly bytes: Uint8Array }[]): Promise<void> {
    const first = this.#head?.auditFirst ?? 0
    const whole: SealedAudit[] = []
    for (const { key, bytes } of rows) {
      const outcome = await this.#damage(async () => readSequence(key))
      if (outcome.s === 'damaged') {
        this.problem({ what: 'audit_damaged', detail: outcome.why })
        continue
      }
      const sequence = outcome.value
      if (sequence < first) continue
      this.#entries += 1
      this.#gapBefore(sequence)
      const entry = await this.#damage(async () => readAudit(sequence, bytes))
      if (entry.s === 'damaged') {
        this.#auditProblem('audit_damaged', sequence, entry.why)
        this.#last = { sequence, hash: undefined }
        continue
      }
      const before = this.#last?.hash
      if (before !== undefined && before !== entry.value.previous) {
        this.#auditProblem('chain_broken', sequence, 'does not follow from the entry before')
      }
      this.#last = { sequence, hash: entry.value.hash }
      whole.push(entry.value)
    }
    await this.#openEntries(whole)
  }

  problem(problem: ScopeProblem): void {
    this.#problemCount += 1
    if (this.#problems.length < MAX_LISTED) this.#problems.push(problem)
  }

  finish(): ScopeCheck {
    if (this.#head) this.#compare(this.#head)
    else if (!this.#headDamaged && this.#records + this.#entries > 0) {
      this.problem({ what: 'head_damaged', detail: 'there is no head' })
    }
    return {
      records: this.#records,
      auditEntries: this.#entries,
      problems: this.#problems,
      problemCount: this.#problemCount,
    }
  }

  #compare(head: HeadState): void {
    if (this.#records !== head.records) {
      this.problem({
        what: 'count_differs',
        detail: `${this.#records} records are there, ${head.records} were counted`,
      })
    }
    if (this.#digest !== head.digest || this.#bytes !== head.bytes) {
      this.problem({ what: 'digest_differs', detail: 'the records are not those that were written last' })
    }
    const { sequence, hash } = this.#last ?? { sequence: head.auditFirst - 1, hash: head.auditBefore }
    if (sequence < head.auditSequence) {
      this.#missing(sequence + 1, head.auditSequence)
    } else if (sequence > head.auditSequence) {
      this.#auditProblem(
        'chain_broken',
        head.auditSequence + 1,
        'lies behind the last entry that was counted',
      )
    } else if (hash !== undefined && hash !== head.auditHash) {
      this.#auditProblem('chain_broken', sequence, 'is not the last entry that was counted')
    }
  }

  #gapBefore(sequence: number): void {
    const expected = this.#last ? this.#last.sequence + 1 : sequence
    if (sequence === expected) return
    this.#missing(expected, sequence - 1)
    this.#last = { sequence: sequence - 1, hash: undefined }
  }

  #missing(from: number, to: number): void {
    const count = to - from + 1
    this.#auditProblem(
      'audit_missing',
      from,
      count === 1 ? 'one entry is missing' : `${count} entries are missing`,
    )
  }

  async #openEntries(entries: readonly SealedAudit[]): Promise<void> {
    const scope = this.#scope
    if (scope === null || entries.length === 0) return
    if ((await this.#damage(() => openAudit(scope, entries, this.#sealer))).s === 'ok') return
    for (const entry of entries) {
      const one = await this.#damage(() => openAudit(scope, [entry], this.#sealer))
      if (one.s === 'damaged') this.#auditProblem('audit_damaged', entry.sequence, one.why)
    }
  }

  #recordDamaged({ collection, key }: StoredRow, detail: string): void {
    this.problem({ what: 'record_damaged', collection, key, detail })
  }

  #auditProblem(what: ScopeProblem['what'], sequence: number, detail: string): void {
    this.problem({ what, key: sequenceText(sequence), detail })
  }

  async #damage<T>(
    work: () => Promise<T>,
  ): Promise<{ readonly s: 'ok'; readonly value: T } | { readonly s: 'damaged'; readonly why: string }> {
    try {
      return { s: 'ok', value: await work() }
    } catch (thrown) {
      if (isDamage(thrown)) return { s: 'damaged', why: thrown.message }
      throw thrown
    }
  }
}

/** What is wrong with the data and not with the disk. */
export function isDamage(thrown: unknown): thrown is YizhanError {
  return thrown instanceof YizhanError && (thrown.code === 'data_corrupt' || thrown.code === 'key_unknown')
}
