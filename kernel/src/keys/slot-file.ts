import { randomFillSync } from 'node:crypto'
import { type DiskFile, readAt, syncData, writeAt } from '../disk-file.js'
import { YizhanError } from '../errors.js'
import { type Images, MAX_REWRITE, type RewriteJournal } from './rewrite-journal.js'
import { CRC_AT, SLOT_BYTES, WRAPPED_AT } from './slot.js'

const GROW_BYTES = 256 * 1024
const SCAN_BYTES = 1024 * 1024
const MAX_MINT = 1024
const FREE = Buffer.alloc(SLOT_BYTES)

interface Task {
  /** `mint`: into free slots. `rewrite`: over live ones. `shred`: the same, with random bytes over the old key first. */
  readonly how: 'mint' | 'rewrite' | 'shred'
  readonly images: Images
  settle(error?: unknown): void
}

/**
 * The slots on disk, overwritten in place. Writes are taken in order and made durable in groups: what waits while one
 * group is synced goes with the next. The file grows by written zeros, so that a full disk is met before any key.
 */
export class SlotFile {
  readonly #file: DiskFile
  readonly #journal: RewriteJournal
  readonly #path: string
  readonly #tasks: (Task | (() => Promise<void>))[] = []
  readonly #free: number[] = []
  #capacity = 0
  #next = 1
  #working: Promise<void> | undefined
  #broken: YizhanError | undefined
  #end: { resolve(): void; reject(thrown: unknown): void } | undefined
  /** Resolves when the file is closed; rejects once nothing can be written any more. */
  readonly done: Promise<void>
  #closed = false
  /** Told every slot that was overwritten. */
  onRewrite: ((slot: number) => void) | undefined

  constructor(file: DiskFile, journal: RewriteJournal, path: string) {
    this.#file = file
    this.#journal = journal
    this.#path = path
    this.done = new Promise((resolve, reject) => {
      this.#end = { resolve, reject }
    })
    // Whoever does not look at it learns it from the next call.
    this.done.catch(() => undefined)
  }

  /** Ends what a crash left half done; before anything else. */
  async recover(): Promise<void> {
    const left = await this.#journal.open()
    if (left.size === 0) return
    await this.#overwrite(left)
    await this.#journal.empty(left)
  }

  /** Shows every slot from 1 on (the bytes are lent); before anything is written. */
  async open(visit: (slot: number, bytes: Buffer) => 'free' | 'used'): Promise<void> {
    const chunk = Buffer.alloc(SCAN_BYTES)
    const free: number[] = []
    for (let at = 0; ; ) {
      const length = await readAt(this.#file, this.#path, chunk, at)
      // A last piece of less than a slot was never told to be durable.
      for (let offset = 0; offset + SLOT_BYTES <= length; offset += SLOT_BYTES) {
        const slot = (at + offset) / SLOT_BYTES
        this.#capacity = slot + 1
        if (slot === 0) continue
        if (visit(slot, chunk.subarray(offset, offset + SLOT_BYTES)) === 'free') free.push(slot)
        else this.#next = slot + 1
      }
      at += length
      if (length < SCAN_BYTES) break
    }
    for (const slot of free) if (slot < this.#next) this.#free.push(slot)
  }

  /** Slots up to the last used one, the header included. */
  get used(): number {
    return this.#next
  }

  get path(): string {
    return this.#path
  }

  get bytes(): number {
    return this.#capacity * SLOT_BYTES
  }

  get free(): number {
    return this.#free.length
  }

  /** A slot's bytes as they are now. */
  async read(slot: number): Promise<Buffer> {
    if (this.#closed) throw closedError()
    const bytes = Buffer.alloc(SLOT_BYTES)
    await readAt(this.#file, this.#path, bytes, slot * SLOT_BYTES)
    return bytes
  }

  /** Fills a free slot; its number, durable. Throws `disk_full`, and the slot is then as free as before. */
  async mint(image: Buffer): Promise<number> {
    const slot = this.#free.pop() ?? this.#next++
    try {
      await this.#put('mint', new Map([[slot, image]]))
    } catch (thrown) {
      this.#free.push(slot)
      throw thrown
    }
    return slot
  }

  /** Overwrites live slots, at most 512, all or none. */
  async rewrite(images: Images): Promise<void> {
    if (images.size > 0) await this.#put('rewrite', images)
  }

  /** As `rewrite`, with random bytes where the keys lay before what comes in their place; all zeros frees a slot. */
  async shred(images: Images): Promise<void> {
    if (images.size === 0) return
    await this.#put('shred', images)
    for (const [slot, image] of images) if (image.equals(FREE)) this.#free.push(slot)
  }

  /** As `shred`; the slots are free afterwards. Any number, in several steps. */
  async release(slots: readonly number[]): Promise<void> {
    for (let at = 0; at < slots.length; at += MAX_REWRITE) {
      const part = slots.slice(at, at + MAX_REWRITE)
      await this.shred(new Map(part.map((slot) => [slot, FREE])))
    }
  }

  /** Bytes of several slots, with no write under way. */
  async readRun(from: number, count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(async () => {
        try {
          const bytes = Buffer.alloc(count * SLOT_BYTES)
          await readAt(this.#file, this.#path, bytes, from * SLOT_BYTES)
          resolve(bytes)
        } catch (thrown) {
          reject(thrown)
        }
      })
      this.#wake()
    })
  }

  /** Waits for the writes that were asked for. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#working
    this.#broken ??= closedError()
    await this.#journal.close()
    await this.#file.close()
    this.#end?.resolve()
  }

  #put(how: Task['how'], images: Images): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error))
      this.#tasks.push({ how, images, settle })
      this.#wake()
    })
  }

  #wake(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined
    })
  }

  async #work(): Promise<void> {
    // What is asked for in the same turn of the loop goes into the first group.
    await Promise.resolve()
    for (let first = this.#tasks.shift(); first; first = this.#tasks.shift()) {
      if (typeof first === 'function') {
        await first()
        continue
      }
      const group = this.#group(first)
      const images = new Map(group.flatMap((task) => [...task.images]))
      let error: unknown
      try {
        await this.#commit(first.how, images)
      } catch (thrown) {
        error = thrown
      }
      for (const task of group) task.settle(error)
    }
  }

  /** Those next in line of the same sort, as far as they fit. */
  #group(first: Task): Task[] {
    const group = [first]
    const most = first.how === 'mint' ? MAX_MINT : MAX_REWRITE
    let size = first.images.size
    for (let next = this.#tasks[0]; next; next = this.#tasks[0]) {
      if (typeof next === 'function' || next.how !== first.how || size + next.images.size > most) break
      size += next.images.size
      group.push(next)
      this.#tasks.shift()
    }
    return group
  }

  async #commit(how: Task['how'], images: Images): Promise<void> {
    if (this.#broken) throw this.#broken
    if (how === 'mint') return this.#commitNew(images)
    try {
      await this.#journal.put(images)
    } catch (thrown) {
      // Not begun: a journal that is not whole counts as empty. But after a failed sync nobody knows what is on disk.
      if (!(thrown instanceof YizhanError) || thrown.code !== 'disk_full') this.#breakDown(thrown)
      throw thrown
    }
    try {
      if (how === 'shred') {
        const noise = new Map([...images].map(([slot, image]) => [slot, noisy(image)]))
        await this.#overwrite(noise)
      }
      await this.#overwrite(images)
      await this.#journal.empty(images)
    } catch (thrown) {
      throw this.#breakDown(thrown)
    }
    for (const slot of images.keys()) this.onRewrite?.(slot)
  }

  async #commitNew(images: Images): Promise<void> {
    await this.#grow(Math.max(...images.keys()) + 1)
    try {
      await this.#write(images)
    } catch (thrown) {
      // A file system that copies on write meets the full disk only here.
      await this.#write(new Map([...images.keys()].map((slot) => [slot, FREE]))).catch((again) =>
        this.#breakDown(again),
      )
      throw thrown
    }
    await syncData(this.#file, this.#path).catch((thrown) => {
      throw this.#breakDown(thrown)
    })
  }

  async #grow(slots: number): Promise<void> {
    if (slots <= this.#capacity) return
    const before = this.#capacity * SLOT_BYTES
    const missing = Math.max(slots * SLOT_BYTES - before, GROW_BYTES)
    const zeros = Buffer.alloc(Math.ceil(missing / GROW_BYTES) * GROW_BYTES)
    try {
      await writeAt(this.#file, this.#path, zeros, before)
      await syncData(this.#file, this.#path)
    } catch (thrown) {
      await this.#file.truncate(before).catch(() => undefined)
      throw thrown
    }
    this.#capacity += zeros.length / SLOT_BYTES
  }

  async #overwrite(images: Images): Promise<void> {
    await this.#write(images)
    await syncData(this.#file, this.#path)
  }

  async #write(images: Images): Promise<void> {
    const sorted = [...images].sort(([a], [b]) => a - b)
    for (let at = 0; at < sorted.length; ) {
      const [from = 0] = sorted[at] ?? []
      let end = at
      while (end < sorted.length && sorted[end]?.[0] === from + (end - at)) end += 1
      const run = Buffer.concat(sorted.slice(at, end).map(([, image]) => image))
      await writeAt(this.#file, this.#path, run, from * SLOT_BYTES)
      at = end
    }
  }

  /** From now on nothing is written: what is on disk is known again after a restart only. */
  #breakDown(cause: unknown): YizhanError {
    this.#broken ??= new YizhanError('storage_failed', 'writing keys failed half-way', {
      cause,
      details: { path: this.#path },
      hint: 'restart: what was begun is then ended or undone',
    })
    this.#end?.reject(this.#broken)
    return this.#broken
  }
}

function closedError(): YizhanError {
  return new YizhanError('failed_precondition', 'the key store is closed')
}

/** The same slot with random bytes where a wrapped key lies. */
function noisy(image: Buffer): Buffer {
  const noise = Buffer.from(image)
  randomFillSync(noise, WRAPPED_AT, CRC_AT - WRAPPED_AT)
  return noise
}
