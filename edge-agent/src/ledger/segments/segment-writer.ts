import { join } from 'node:path'
import { type DiskFile, type Logger, syncData, toYizhanError, writeAt, YizhanError } from '@yizhan/kernel'
import type { JournalHost } from './host.js'
import { encodeSegmentHeader, SEGMENT_HEADER, type SegmentHeader, segmentName } from './segment.js'

const ZEROES = Buffer.alloc(256 << 10)

export interface WriterConfig {
  readonly dir: string
  /** A segment that has as much gets no more; one frame may be larger. */
  readonly segmentBytes: number
  /**
   * Fills the next segment with zeroes ahead of time. A sync of what replaces them needs no change of the file's size: a
   * third of the slowest syncs, measured.
   */
  readonly preallocate: boolean
  /** Whether there is room enough for that. */
  readonly hasRoom: () => boolean
}

interface OpenSegment {
  readonly index: number
  readonly path: string
  readonly file: DiskFile
  position: number
  /** Whether something was written since the last sync. */
  dirty: boolean
}

/** What a segment begins with, besides its number. */
export type Beginning = Omit<SegmentHeader, 'index'>

/** The end of the log. One call at a time. After `storage_failed` nothing may be called but `close`. */
export class SegmentWriter {
  readonly #host: JournalHost
  readonly #log: Logger
  readonly #config: WriterConfig
  #index: number
  #current: OpenSegment | undefined
  #prepared: Promise<OpenSegment | undefined> | undefined

  /** `index`: of the first segment that it begins. */
  constructor(
    deps: { readonly host: JournalHost; readonly log: Logger },
    config: WriterConfig,
    index: number,
  ) {
    this.#host = deps.host
    this.#log = deps.log
    this.#config = config
    this.#index = index
    if (config.preallocate && config.hasRoom()) this.#prepared = this.#prepare()
  }

  /** Number of the segment that is written; undefined before the first frame, and after `seal`. */
  get current(): number | undefined {
    return this.#current?.index
  }

  /** Bytes of the segment that is written, without the room ahead. */
  get position(): number {
    return this.#current?.position ?? 0
  }

  /** Where a frame of about so many bytes goes; begins another segment if this one is full. */
  async place(bytes: number): Promise<{ segment: number; offset: number }> {
    const current = this.#current
    const full = current !== undefined && current.position + bytes > this.#config.segmentBytes
    if (!current || (full && current.position > SEGMENT_HEADER)) await this.#roll()
    const { index, position } = this.#current as OpenSegment
    return { segment: index, offset: Math.max(position, SEGMENT_HEADER) }
  }

  /** A frame that was made for the place. With `disk_full` nothing of it is left in the file. */
  async write(frame: Buffer, beginning: Beginning, sync: boolean): Promise<void> {
    const current = this.#current as OpenSegment
    const { file, path, position, index } = current
    const bytes =
      position === 0 ? Buffer.concat([encodeSegmentHeader({ ...beginning, index }), frame]) : frame
    try {
      await writeAt(file, path, bytes, position)
    } catch (thrown) {
      const error = toYizhanError(thrown, 'storage_failed')
      if (error.code !== 'disk_full') throw error
      await this.#cutBack(current)
      throw error
    }
    current.dirty = true
    current.position = position + bytes.length
    if (sync) await this.#sync(current)
    const half = current.position > this.#config.segmentBytes / 2
    if (half && this.#config.preallocate && this.#config.hasRoom()) this.#prepared ??= this.#prepare()
  }

  /** Makes durable what was written without a sync. */
  async sync(): Promise<void> {
    if (this.#current?.dirty) await this.#sync(this.#current)
  }

  /** Ends the segment that is written: it may be rewritten from then on. */
  async seal(): Promise<void> {
    const current = this.#current
    if (!current) return
    await this.sync()
    this.#current = undefined
    // Only the room ahead goes; it may stay.
    await current.file.truncate(current.position).catch(() => undefined)
    await current.file.close()
  }

  /** Closes, after a sync if that makes sense still; what was prepared and not used goes. */
  async close({ sync }: { readonly sync: boolean }): Promise<void> {
    const prepared = await this.#prepared
    this.#prepared = undefined
    if (prepared) {
      await prepared.file.close()
      await this.#host.remove(prepared.path).catch(() => undefined)
    }
    if (sync) await this.seal()
    else await this.#current?.file.close()
    this.#current = undefined
  }

  async #roll(): Promise<void> {
    const before = this.#current
    const next = await this.#next(before !== undefined)
    if (!next) return
    if (before) await this.seal()
    this.#current = next
  }

  async #next(canWait: boolean): Promise<OpenSegment | undefined> {
    const prepared = await this.#prepared
    this.#prepared = undefined
    if (prepared) return prepared
    try {
      return await this.#begin()
    } catch (thrown) {
      if (!canWait) throw thrown
      // Without descriptors or room the segment grows beyond its size.
      this.#log.warn({ err: thrown }, 'the journal could not begin a segment')
      return undefined
    }
  }

  async #begin(): Promise<OpenSegment> {
    const path = join(this.#config.dir, segmentName(this.#index))
    const file = await this.#host.open(path, 'w+')
    try {
      await this.#host.syncDirectory(this.#config.dir)
    } catch (thrown) {
      await file.close()
      throw thrown
    }
    const index = this.#index
    this.#index += 1
    return { index, path, file, position: 0, dirty: false }
  }

  async #prepare(): Promise<OpenSegment | undefined> {
    let begun: OpenSegment | undefined
    try {
      begun = await this.#begin()
      const { file, path } = begun
      for (let done = 0; done < this.#config.segmentBytes; done += ZEROES.length) {
        await writeAt(file, path, ZEROES.subarray(0, this.#config.segmentBytes - done), done)
      }
      await syncData(file, path)
      return begun
    } catch (thrown) {
      this.#log.debug({ err: thrown }, 'a segment could not be prepared')
      await begun?.file.close().catch(() => undefined)
      if (begun) await this.#host.remove(begun.path).catch(() => undefined)
      return undefined
    }
  }

  async #sync(segment: OpenSegment): Promise<void> {
    try {
      await syncData(segment.file, segment.path)
    } catch (thrown) {
      // What the system then keeps of it in memory is not known: never tried again on this file.
      throw new YizhanError('storage_failed', `cannot sync ${segment.path}`, { cause: thrown })
    }
    segment.dirty = false
  }

  async #cutBack({ file, path, position }: OpenSegment): Promise<void> {
    try {
      await file.truncate(position)
    } catch (thrown) {
      throw new YizhanError('storage_failed', `cannot take back a torn write to ${path}`, { cause: thrown })
    }
  }
}
