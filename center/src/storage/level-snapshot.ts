import type { ClassicLevel } from 'classic-level'
import type { KeyRange } from './level-key.js'
import type { ReadPace } from './read-pace.js'

export type Level = ClassicLevel<Buffer, Uint8Array>
type Snapshot = ReturnType<Level['snapshot']>

/** Options of a read are spared a copy if they name these. */
const ENCODINGS = { keyEncoding: 'buffer', valueEncoding: 'view' } as const

export interface PageBounds {
  readonly limit: number
  /** The page ends once its values exceed this. */
  readonly maxBytes: number
  /** Start behind this key. */
  readonly after?: Buffer
  readonly reverse?: boolean
}

/** Values of one moment, as `getMany` gives them. */
export function getManySync(level: Level, keys: readonly Buffer[]): (Uint8Array | undefined)[] {
  if (keys.length < 2) return keys.map((key) => level.getSync(key))
  const snapshot = level.snapshot()
  try {
    return keys.map((key) => level.getSync(key, { snapshot, ...ENCODINGS }))
  } finally {
    void snapshot.close()
  }
}

/** Pairs in key order or backwards. */
export async function readPage(
  level: Level,
  range: KeyRange,
  { limit, maxBytes, after, reverse = false }: PageBounds,
  snapshot?: Snapshot,
): Promise<[Buffer, Uint8Array][]> {
  const bounds = after ? (reverse ? { gte: range.gte, lt: after } : { gt: after, lt: range.lt }) : range
  const options = { ...bounds, reverse, limit, highWaterMarkBytes: 256 * 1024 }
  const pairs: [Buffer, Uint8Array][] = []
  let bytes = 0
  for await (const pair of level.iterator(snapshot ? { ...options, snapshot } : options)) {
    pairs.push(pair)
    bytes += pair[1].length
    if (bytes > maxBytes) break
  }
  return pairs
}

/** What a database held at one moment. Whoever opened it closes it; until then nothing that it sees is overwritten. */
export class LevelSnapshot {
  readonly #level: Level
  readonly #snapshot: Snapshot
  readonly #read: <T>(work: () => Promise<T>) => Promise<T>
  readonly #pace: ReadPace

  /** `read` runs work while the database may not be closed; it throws once it is another one. */
  constructor(level: Level, read: <T>(work: () => Promise<T>) => Promise<T>, pace: ReadPace) {
    this.#level = level
    this.#snapshot = level.snapshot()
    this.#read = read
    this.#pace = pace
  }

  get(key: Buffer): Promise<Uint8Array | undefined> {
    return this.#read(() =>
      this.#pace.read(
        1,
        () => this.#level.getSync(key, this.#options()),
        () => this.#level.get(key, this.#options()),
      ),
    )
  }

  getMany(keys: Buffer[]): Promise<(Uint8Array | undefined)[]> {
    return this.#read(() =>
      this.#pace.read(
        keys.length,
        () => keys.map((key) => this.#level.getSync(key, this.#options())),
        () => this.#level.getMany(keys, this.#options()),
      ),
    )
  }

  hasMany(keys: Buffer[]): Promise<boolean[]> {
    return this.#read(() => this.#level.hasMany(keys, { snapshot: this.#snapshot }))
  }

  keys(range: KeyRange, limit: number): Promise<Buffer[]> {
    return this.#read(() => this.#level.keys({ ...range, limit, snapshot: this.#snapshot }).all())
  }

  page(range: KeyRange, bounds: PageBounds): Promise<[Buffer, Uint8Array][]> {
    return this.#read(() => readPage(this.#level, range, bounds, this.#snapshot))
  }

  close(): Promise<void> {
    return this.#snapshot.close()
  }

  #options() {
    return { snapshot: this.#snapshot, fillCache: false, ...ENCODINGS }
  }
}
