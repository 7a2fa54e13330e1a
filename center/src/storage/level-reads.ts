import type { Scope } from './engine.js'
import type { LevelDatabase } from './level-database.js'
import { recordKey } from './level-key.js'
import type { StoredRecord } from './port.js'

/** A record as it lies, and where. */
export interface FoundRecord {
  readonly scope: Scope
  readonly collection: string
  readonly key: string
  readonly bytes: Uint8Array
}

interface Reading {
  readonly scope: Scope
  readonly collection: string
  readonly key: string
  readonly resolve: (record: StoredRecord | undefined) => void
  readonly reject: (thrown: unknown) => void
}

interface Found extends FoundRecord {
  readonly reading: Reading
}

/** More in one call would be read from a slow disk one after the other, though it has several threads. */
const GROUP = 8
/** From this size a record is opened alone: small ones do not wait for it. */
const LARGE_BYTES = 16_384

/** Reads of single records: those that are asked for in one turn of the event loop are read and opened together. */
export class LevelReads {
  readonly #database: LevelDatabase
  readonly #open: (found: readonly FoundRecord[]) => Promise<readonly (StoredRecord | undefined)[]>
  #waiting: Reading[] = []

  /** `open` answers in the order of what was found; if it throws, each is opened alone. */
  constructor(
    database: LevelDatabase,
    open: (found: readonly FoundRecord[]) => Promise<readonly (StoredRecord | undefined)[]>,
  ) {
    this.#database = database
    this.#open = open
  }

  read(scope: Scope, collection: string, key: string): Promise<StoredRecord | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ scope, collection, key, resolve, reject }) === 1) {
        queueMicrotask(() => this.#readWaiting())
      }
    })
  }

  #readWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (let from = 0; from < waiting.length; from += GROUP) {
      void this.#readGroup(waiting.slice(from, from + GROUP))
    }
  }

  async #readGroup(group: readonly Reading[]): Promise<void> {
    const small: Found[] = []
    try {
      const keys = group.map(({ scope, collection, key }) => recordKey(scope, collection, key))
      for (const [i, bytes] of (await this.#database.getMany(keys)).entries()) {
        const reading = group[i] as Reading
        const { scope, collection, key } = reading
        if (!bytes) reading.resolve(undefined)
        else if (bytes.length < LARGE_BYTES) small.push({ scope, collection, key, bytes, reading })
        else void this.#openAlone({ scope, collection, key, bytes, reading })
      }
    } catch (thrown) {
      for (const { reject } of group) reject(thrown)
      return
    }
    try {
      const records = await this.#open(small)
      for (const [i, { reading }] of small.entries()) reading.resolve(records[i])
    } catch {
      // Of one of them: the others must not fall with it.
      for (const found of small) void this.#openAlone(found)
    }
  }

  async #openAlone(found: Found): Promise<void> {
    try {
      found.reading.resolve((await this.#open([found]))[0])
    } catch (thrown) {
      found.reading.reject(thrown)
    }
  }
}
