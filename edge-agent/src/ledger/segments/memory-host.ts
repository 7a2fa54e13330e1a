import { dirname } from 'node:path'
import { type DiskFile, YizhanError } from '@yizhan/kernel'
import type { JournalHost } from './host.js'

interface Content {
  bytes: Buffer
  /** As a power cut leaves it for sure. */
  durable: Buffer
  /** What was written since, in order; undefined cuts the file to its `at`. */
  pending: { readonly at: number; readonly bytes: Buffer | undefined }[]
}

/** A file system in memory that knows what a power cut takes, for tests. Names too are durable only after their sync. */
export class MemoryHost implements JournalHost {
  #files = new Map<string, Content>()
  #durable = new Map<string, Content>()
  readonly #random: () => number
  /** Bytes that still fit. */
  free = Number.POSITIVE_INFINITY
  /** After so many more writes and syncs all fail. */
  failsAfter = Number.POSITIVE_INFINITY
  /** Grows with every end of a process: what it had open is dead. */
  #life = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** The process ends; what it wrote is in the system's memory. */
  kill(): void {
    this.#life += 1
  }

  /** Of what was not synced each write is there, in part, or not; of names that were not synced each may be there. */
  cutPower(): void {
    this.#life += 1
    const kept = new Map(this.#durable)
    for (const [path, content] of this.#files) if (this.#random() < 0.5) kept.set(path, content)
    for (const content of new Set(kept.values())) {
      let bytes = content.durable
      for (const write of content.pending) {
        if (this.#random() < 0.5) continue
        const whole = write.bytes
        const part = whole?.subarray(0, Math.ceil(whole.length * this.#random()))
        bytes = written(bytes, { at: write.at, bytes: this.#random() < 0.5 ? whole : part })
      }
      Object.assign(content, { bytes, durable: bytes, pending: [] })
    }
    this.#files = kept
    this.#durable = new Map(kept)
  }

  /** The paths, sorted. */
  paths(): string[] {
    return [...this.#files.keys()].sort()
  }

  edit(path: string, edit: (bytes: Buffer) => void): void {
    const content = this.#of(path)
    content.bytes = Buffer.from(content.bytes)
    edit(content.bytes)
    content.durable = content.bytes
  }

  async open(path: string, flags: string): Promise<DiskFile> {
    if (!this.#files.has(path)) {
      if (flags === 'r' || flags === 'r+') throw new YizhanError('storage_failed', `no ${path}`)
      this.#files.set(path, { bytes: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] })
    }
    const content = this.#of(path)
    if (flags.startsWith('w')) this.#change(content, { at: 0, bytes: undefined })
    const life = this.#life
    const file = {
      write: async (bytes: Buffer, offset: number, length: number, at: number) => {
        this.#spend(life)
        this.#write(content, Buffer.from(bytes.subarray(offset, offset + length)), at)
        return { bytesWritten: length, buffer: bytes }
      },
      read: async (into: Buffer, offset: number, length: number, at: number) => {
        return { bytesRead: content.bytes.copy(into, offset, at, at + length), buffer: into }
      },
      datasync: async () => {
        this.#spend(life)
        Object.assign(content, { durable: content.bytes, pending: [] })
      },
      truncate: async (at: number) => {
        this.#spend(life)
        this.#change(content, { at, bytes: undefined })
      },
      stat: async () => ({ size: content.bytes.length }),
      close: async () => undefined,
    }
    return file as unknown as DiskFile
  }

  async read(path: string): Promise<Buffer | undefined> {
    const content = this.#files.get(path)
    return content && Buffer.from(content.bytes)
  }

  async list(dir: string): Promise<string[]> {
    const names = this.paths().flatMap((path) => path.match(`^${dir}/([^/]+)`)?.[1] ?? [])
    return [...new Set(names)]
  }

  async makeDirectory(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    for (const [path, content] of [...this.#files]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#files.delete(path)
      this.#files.set(to + path.slice(from.length), content)
    }
  }

  async remove(path: string): Promise<void> {
    for (const known of this.paths()) {
      if (known === path || known.startsWith(`${path}/`)) this.#files.delete(known)
    }
  }

  async syncDirectory(dir: string): Promise<void> {
    this.#spend()
    for (const path of this.#durable.keys()) {
      if (dirname(path) === dir && !this.#files.has(path)) this.#durable.delete(path)
    }
    for (const [path, content] of this.#files) if (dirname(path) === dir) this.#durable.set(path, content)
  }

  async freeBytes(): Promise<number> {
    return this.free
  }

  #of(path: string): Content {
    const content = this.#files.get(path)
    if (!content) throw new YizhanError('storage_failed', `no ${path}`)
    return content
  }

  #write(content: Content, bytes: Buffer, at: number): void {
    const grows = Math.max(0, at + bytes.length - content.bytes.length)
    if (grows > this.free) {
      this.#change(content, { at, bytes: bytes.subarray(0, bytes.length >> 1) })
      throw new YizhanError('disk_full', 'no space left')
    }
    this.free -= grows
    this.#change(content, { at, bytes })
  }

  #spend(life = this.#life): void {
    if (life !== this.#life || this.failsAfter < 1) throw new YizhanError('storage_failed', 'EIO')
    this.failsAfter -= 1
  }

  #change(content: Content, write: Content['pending'][number]): void {
    content.bytes = written(content.bytes, write)
    content.pending.push(write)
  }
}

function written(before: Buffer, { at, bytes }: Content['pending'][number]): Buffer {
  if (!bytes) return Buffer.from(before.subarray(0, at))
  const after = Buffer.alloc(Math.max(before.length, at + bytes.length))
  before.copy(after)
  bytes.copy(after, at)
  return after
}
