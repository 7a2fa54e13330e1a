import { YizhanError } from '@yizhan/kernel'
import { readAudit, type SealedAudit } from '../storage/index.js'

/** Something outside the chain that says which hash an entry has. */
export interface Witness {
  readonly sequence: number
  readonly hash: string
  readonly by: 'head' | 'anchor'
  /** It may know of entries behind the last one. */
  readonly later?: true
}

/** The first bad record, and why. */
export interface AuditBreach {
  readonly s: 'broken'
  /** The first bad entry; for `rewritten` the last of those that `since` begins. */
  readonly sequence: number
  /** `rewritten`: the first changed entry lies between this one and `sequence`. */
  readonly since?: number
  /**
   * `damaged`: cannot be read. `missing`: was taken out. `edited`: the chain does not go on from it. `tail_cut`: it and what
   * follows is gone. `rewritten`: the chain holds, but is not the one that head or anchor know. `surplus`: nobody counted
   * it. `head_damaged`: the store's own head cannot be read.
   */
  readonly what: 'damaged' | 'missing' | 'edited' | 'tail_cut' | 'rewritten' | 'surplus' | 'head_damaged'
  /** Who says so, if not the chain itself. */
  readonly by?: Witness['by']
  /** A hash or a sequence number. */
  readonly expected?: string
  readonly found?: string
  /** Entries before it that were looked at. */
  readonly entries: number
}

export interface AuditWhole {
  readonly s: 'whole'
  readonly entries: number
  /** 0 without entries. */
  readonly first: number
  readonly last: number
  /** Of the last; '' without entries. */
  readonly hash: string
  /** Anchors that agree. */
  readonly anchors: number
}

export type AuditVerdict = AuditWhole | AuditBreach

export interface ChainWalkOptions {
  readonly witnesses: readonly Witness[]
  /** Sequence that the first entry must have; default whatever comes first. */
  readonly first?: number
  /** Entries may be left out, as in an export that was filtered. Default false. */
  readonly gaps?: boolean
  /** Whether an entry's seals hold; tells which side of a broken link was changed. Default: the earlier one is named. */
  readonly opens?: (sequence: number) => Promise<boolean>
}

interface Link {
  readonly sequence: number
  readonly hash: string
}

/** A break between two entries: one entry more tells which of them was changed. */
type Pending =
  | { readonly s: 'link'; readonly before: Link; readonly after: SealedAudit }
  | { readonly s: 'witness'; readonly link: Link; readonly breach: AuditBreach }

/** Walks along sealed entries in order, without a key, and stops at the first bad one. */
export class ChainWalk {
  readonly #options: ChainWalkOptions
  readonly #witnesses: ReadonlyMap<number, readonly Witness[]>
  #last: Link | undefined
  #first: number | undefined
  #entries = 0
  #anchors = 0
  /** Everything up to here was vouched for. */
  #vouched = 0
  #pending: Pending | undefined

  constructor(options: ChainWalkOptions) {
    this.#options = options
    this.#witnesses = bySequence(options.witnesses)
  }

  /** Undefined: go on. */
  async add(sequence: number, bytes: Uint8Array): Promise<AuditBreach | undefined> {
    const entry = sealedOf(sequence, bytes)
    if (this.#pending) return this.#decided(this.#pending, entry)
    const expected = this.#last ? this.#last.sequence + 1 : (this.#options.first ?? sequence)
    if (sequence !== expected && !(this.#options.gaps && sequence > expected)) {
      return this.#breach('missing', Math.min(expected, sequence), {
        expected: String(expected),
        found: String(sequence),
      })
    }
    if (!entry) return this.#breach('damaged', sequence)
    const follows = this.#last?.sequence === sequence - 1 ? this.#last : undefined
    if (follows && follows.hash !== entry.previous) {
      this.#pending = { s: 'link', before: follows, after: entry }
      return undefined
    }
    this.#first ??= sequence
    if (!follows) {
      const breach = this.#witness({ sequence: sequence - 1, hash: entry.previous })
      if (breach) return { ...breach, sequence, what: 'edited' }
    }
    const link = { sequence, hash: entry.hash }
    const breach = this.#witness(link)
    this.#last = link
    this.#entries += 1
    if (breach) this.#pending = { s: 'witness', link, breach }
    return undefined
  }

  /** `counted`: the last entry that there may be, if that is known. */
  async end(counted?: number): Promise<AuditVerdict> {
    if (this.#pending) return (await this.#decided(this.#pending, undefined)) as AuditBreach
    const last = this.#last?.sequence ?? (this.#options.first ?? 1) - 1
    const beyond = this.#options.witnesses.filter(({ sequence, later }) => sequence > last && !later)
    const farthest = beyond.reduce<Witness | undefined>(
      (best, one) => (best && best.sequence >= one.sequence ? best : one),
      undefined,
    )
    if (farthest && !this.#options.gaps) {
      const { sequence, by } = farthest
      return this.#breach('tail_cut', last + 1, { by, expected: String(sequence), found: String(last) })
    }
    if (counted !== undefined && last > counted) {
      return this.#breach('surplus', counted + 1, { expected: String(counted), found: String(last) })
    }
    return {
      s: 'whole',
      entries: this.#entries,
      first: this.#first ?? 0,
      last: this.#last?.sequence ?? 0,
      hash: this.#last?.hash ?? '',
      anchors: this.#anchors,
    }
  }

  #witness(link: Link): AuditBreach | undefined {
    for (const { hash, by } of this.#witnesses.get(link.sequence) ?? []) {
      if (hash !== link.hash) {
        const since = Math.max(this.#vouched + 1, this.#first ?? 1)
        return this.#breach('rewritten', link.sequence, { since, by, expected: hash, found: link.hash })
      }
      if (by === 'anchor') this.#anchors += 1
      this.#vouched = link.sequence
    }
    return undefined
  }

  /** `next`: the entry behind the pending one, undefined at the end or if it cannot be read. */
  async #decided(pending: Pending, next: SealedAudit | undefined): Promise<AuditBreach> {
    if (pending.s === 'witness') {
      const { link, breach } = pending
      const changedAlone = next?.sequence === link.sequence + 1 && next.previous !== link.hash
      return changedAlone ? this.#edited(link, next.previous, link.hash) : breach
    }
    const { before, after } = pending
    // Whoever changes an entry changes its hash: if the next one, or a witness, still knows it, the one before was changed.
    const knows = this.#witnesses.get(after.sequence)?.some(({ hash }) => hash === after.hash)
    const isWhole = knows || (next?.sequence === after.sequence + 1 && next.previous === after.hash)
    const opens = !isWhole && (await this.#options.opens?.(before.sequence))
    return opens
      ? this.#edited(after, before.hash, after.previous)
      : this.#edited(before, after.previous, before.hash)
  }

  #edited({ sequence }: Link, expected: string, found: string): AuditBreach {
    return this.#breach('edited', sequence, { expected, found })
  }

  #breach(what: AuditBreach['what'], sequence: number, more: Partial<AuditBreach> = {}): AuditBreach {
    return { s: 'broken', sequence, what, ...more, entries: this.#entries }
  }
}

function bySequence(witnesses: readonly Witness[]): Map<number, Witness[]> {
  const found = new Map<number, Witness[]>()
  for (const witness of witnesses) {
    found.set(witness.sequence, [...(found.get(witness.sequence) ?? []), witness])
  }
  return found
}

function sealedOf(sequence: number, bytes: Uint8Array): SealedAudit | undefined {
  try {
    return readAudit(sequence, bytes)
  } catch (thrown) {
    if (thrown instanceof YizhanError && thrown.code === 'data_corrupt') return undefined
    throw thrown
  }
}
