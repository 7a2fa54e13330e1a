import { type EdgeId, YizhanError } from '@yizhan/kernel'
import type { SystemStore } from '../storage/index.js'
import { EDGES, edgeFromStored, edgeToStored, entryOf, type StoredEdge } from './edge-entry.js'
import type { EdgeEntry } from './port.js'

interface Held {
  readonly edge: StoredEdge
  readonly entry: EdgeEntry
  /** Of the record. */
  readonly version: number
}

export interface EdgeChange {
  readonly before: StoredEdge
  readonly after: StoredEdge
  /** It was not there before. */
  readonly isNew: boolean
}

// Two centers that write the same edge in turn: the slower one may lose many rounds.
const TRIES = 20

/** The edges in the system's store with a copy in memory; changes of one edge wait for each other. */
export class EdgeRecords {
  readonly #system: SystemStore
  readonly #held = new Map<EdgeId, Held>()
  /** The last change of each edge that is on its way. */
  readonly #changing = new Map<EdgeId, Promise<unknown>>()

  constructor(system: SystemStore) {
    this.#system = system
  }

  /** Throws `data_corrupt`. */
  async load(): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.#system.scan(EDGES, {
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const record of page.records) {
        const { edgeId, edge } = edgeFromStored(record)
        this.#hold(edgeId, edge, record.version)
      }
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  get(edge: EdgeId): Held | undefined {
    return this.#held.get(edge)
  }

  list(): readonly EdgeEntry[] {
    return [...this.#held.values()].map((held) => held.entry)
  }

  /**
   * Durable before it resolves. `change` may give back what it got: then nothing is written. `fresh` is what an edge
   * begins with; without it one that is not there is `not_found`.
   */
  async change(
    edge: EdgeId,
    change: (stored: StoredEdge) => StoredEdge,
    fresh?: StoredEdge,
  ): Promise<EdgeChange> {
    const former = this.#changing.get(edge) ?? Promise.resolve()
    const write = () => this.#write(edge, change, fresh)
    const mine = former.then(write, write)
    this.#changing.set(edge, mine)
    try {
      return await mine
    } finally {
      if (this.#changing.get(edge) === mine) this.#changing.delete(edge)
    }
  }

  async #write(
    edge: EdgeId,
    change: (stored: StoredEdge) => StoredEdge,
    fresh: StoredEdge | undefined,
  ): Promise<EdgeChange> {
    for (let attempt = 1; ; attempt++) {
      const held = this.#held.get(edge)
      const before = held?.edge ?? fresh
      if (!before) throw new YizhanError('not_found', `there is no edge ${edge}`)
      const after = held ? change(before) : before
      const isNew = held === undefined
      if (!isNew && after === before) return { before, after, isNew }
      try {
        const put = { op: 'put', collection: EDGES, key: edge, value: edgeToStored(after) } as const
        const [version = 0] = await this.#system.batch([{ ...put, expectedVersion: held?.version ?? 0 }])
        this.#hold(edge, after, version)
        return { before, after, isNew }
      } catch (thrown) {
        if (!(thrown instanceof YizhanError && thrown.code === 'conflict') || attempt === TRIES) throw thrown
        await this.#readAgain(edge)
      }
    }
  }

  async #readAgain(edge: EdgeId): Promise<void> {
    const record = await this.#system.get(EDGES, edge)
    if (record) this.#hold(edge, edgeFromStored(record).edge, record.version)
    else this.#held.delete(edge)
  }

  #hold(edgeId: EdgeId, edge: StoredEdge, version: number): void {
    this.#held.set(edgeId, { edge, entry: entryOf(edgeId, edge), version })
  }
}
