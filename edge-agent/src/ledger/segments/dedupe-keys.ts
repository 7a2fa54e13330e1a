import { createHash } from 'node:crypto'
import { DIGEST_BYTES, type LoggedKey } from './frame.js'

const CHUNK = 4_096
const FIRST_TABLE = 8_192
/** The table holds 32 bits a key. */
const LAST_NUMBER = 0xfff0_0000
const DIGEST = /^[0-9a-f]{64}$/

/** Keys in the order in which they came, packed: some 70 bytes each. */
interface Chunk {
  readonly digests: Buffer
  readonly ages: Float64Array
  readonly ends: Uint32Array
  values: Buffer
}

/**
 * Which keys are known, oldest first. At most `max`: one more takes the place of the oldest, which is then unknown
 * before its time. `onDropped` is told of each.
 */
export class DedupeKeys {
  readonly #max: number
  readonly #onDropped: () => void
  readonly #chunks: Chunk[] = []
  /** Number of the first key of the first chunk. */
  #base = 0
  /** Of the first key that is known and of the next one. */
  #from = 0
  #to = 0
  /** Open addressing: number + 1 of a key, 0 for an empty place. Always less than half full. */
  #table = new Uint32Array(FIRST_TABLE)

  constructor(max: number, onDropped: () => void) {
    this.#max = max
    this.#onDropped = onDropped
  }

  get size(): number {
    return this.#to - this.#from
  }

  /** Age of the oldest key that is known; ∞ if there is none. */
  get oldestAge(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.#ageOf(this.#from)
  }

  get(digest: Uint8Array): string | undefined {
    const found = this.#table[this.#placeOf(digest)]
    return found ? this.#valueOf(found - 1) : undefined
  }

  /** A key that is known already keeps its value and age. */
  add({ digest, age, value }: LoggedKey): void {
    if (this.#table[this.#placeOf(digest)] !== 0) return
    if (this.size >= this.#max) {
      this.#drop()
      this.#onDropped()
    }
    if (2 * (this.size + 1) > this.#table.length) this.#rehash(2 * this.#table.length)
    const at = this.#to % CHUNK
    if (at === 0) this.#chunks.push(emptyChunk())
    const chunk = this.#chunks.at(-1) as Chunk
    const start = at === 0 ? 0 : (chunk.ends[at - 1] ?? 0)
    const bytes = Buffer.byteLength(value)
    if (start + bytes > chunk.values.length) chunk.values = grown(chunk.values, start + bytes)
    chunk.values.write(value, start)
    chunk.ends[at] = start + bytes
    chunk.ages[at] = age
    chunk.digests.set(digest, at * DIGEST_BYTES)
    this.#table[this.#placeOf(digest)] = this.#to + 1
    this.#to += 1
  }

  /** Forgets the keys that are older. */
  expire(age: number): void {
    while (this.size > 0 && this.#ageOf(this.#from) < age) this.#drop()
  }

  #drop(): void {
    this.#remove(this.#placeOf(this.#digestOf(this.#from)))
    this.#from += 1
    if (this.#from - this.#base === CHUNK) {
      this.#chunks.shift()
      this.#base += CHUNK
    }
    if (this.#to >= LAST_NUMBER) this.#renumber()
  }

  /** Closes the gap, so that no search ends early. */
  #remove(place: number): void {
    const mask = this.#table.length - 1
    let gap = place
    for (let at = (gap + 1) & mask; this.#table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#homeOf(this.#digestOf((this.#table[at] ?? 0) - 1))
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      this.#table[gap] = this.#table[at] ?? 0
      gap = at
    }
    this.#table[gap] = 0
  }

  #renumber(): void {
    this.#from -= this.#base
    this.#to -= this.#base
    this.#base = 0
    this.#rehash(this.#table.length)
  }

  #rehash(length: number): void {
    this.#table = new Uint32Array(length)
    for (let number = this.#from; number < this.#to; number++) {
      this.#table[this.#placeOf(this.#digestOf(number))] = number + 1
    }
  }

  /** Where the digest is, or the empty place where it would go. */
  #placeOf(digest: Uint8Array): number {
    const mask = this.#table.length - 1
    let at = this.#homeOf(digest)
    for (;;) {
      const found = this.#table[at]
      if (!found || this.#digestOf(found - 1).equals(digest)) return at
      at = (at + 1) & mask
    }
  }

  /** Digests are random: their first bytes are as good as any hash. */
  #homeOf(digest: Uint8Array): number {
    const [a = 0, b = 0, c = 0, d = 0] = digest
    return ((a << 24) | (b << 16) | (c << 8) | d) & (this.#table.length - 1)
  }

  #digestOf(number: number): Buffer {
    const at = (number % CHUNK) * DIGEST_BYTES
    return this.#chunkOf(number).digests.subarray(at, at + DIGEST_BYTES)
  }

  #ageOf(number: number): number {
    return this.#chunkOf(number).ages[number % CHUNK] ?? 0
  }

  #valueOf(number: number): string {
    const { values, ends } = this.#chunkOf(number)
    const at = number % CHUNK
    return values.toString('utf8', at === 0 ? 0 : ends[at - 1], ends[at])
  }

  #chunkOf(number: number): Chunk {
    return this.#chunks[Math.floor((number - this.#base) / CHUNK)] as Chunk
  }
}

/** 16 bytes that stand for a key. One that is a digest already, in hex, is taken at its word. */
export function digestOfKey(key: string): Buffer {
  return DIGEST.test(key)
    ? Buffer.from(key.slice(0, 2 * DIGEST_BYTES), 'hex')
    : createHash('sha256').update(key).digest().subarray(0, DIGEST_BYTES)
}

function emptyChunk(): Chunk {
  return {
    digests: Buffer.alloc(CHUNK * DIGEST_BYTES),
    ages: new Float64Array(CHUNK),
    ends: new Uint32Array(CHUNK),
    values: Buffer.alloc(CHUNK * 28),
  }
}

function grown(values: Buffer, needed: number): Buffer {
  const larger = Buffer.alloc(Math.max(needed, 2 * values.length))
  larger.set(values)
  return larger
}
