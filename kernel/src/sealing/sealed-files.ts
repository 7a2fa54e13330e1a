import { type FileHandle, open } from 'node:fs/promises'
import { readFileIfExists, writeFileAtomic } from '../atomic-file.js'
import { toYizhanError, YizhanError } from '../errors.js'
import { storageError } from '../storage-error.js'
import { encodePieces, type FileHead, HEAD_BYTES, headOf, pieceContext, splitPieces } from './piece-format.js'
import type { Sealer } from './sealer.js'

const PIECE_BYTES = 65_536

/**
 * Files that are sealed at rest, by a process for itself. `name` is bound in: a file put in the place of another does not
 * open, wherever it lies. Throws `data_corrupt` if a bit or the name differs, a piece is missing, or the file is plain;
 * `key_unknown` if another key store sealed it, or the key cannot be used; `disk_full`, `storage_failed`.
 */
export interface SealedFiles {
  /** Undefined if there is none. */
  read(path: string, name: string): Promise<Buffer | undefined>
  /** Replaces the file (0600): a crash leaves the old or the new one. */
  write(path: string, name: string, bytes: Uint8Array): Promise<void>
  /**
   * A file that grows piece by piece, and goes on where a crash or an earlier process left it; a tail that does not open
   * is cut off. That it is whole is for its owner to know: an end cut off between two pieces is not seen here.
   */
  grow(path: string, name: string): Promise<GrowingFile>
  /**
   * Seals a plain file in its place and overwrites what it held, as far as the disk does so. False if there is none, or it
   * is sealed already.
   */
  seal(path: string, name: string): Promise<boolean>
}

export interface GrowingFile {
  /** Bytes of content so far. */
  readonly bytes: number
  /** After a failure close it: how much of the piece is on disk is found out by the next `grow`. */
  append(bytes: Uint8Array): Promise<void>
  /** Back to nothing. */
  clear(): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** Sealed under the newest key of no tenant, as records of this collection. */
export function sealedFiles(sealer: Sealer, collection: string): SealedFiles {
  const files: SealedFiles = {
    async read(path, name) {
      const file = await readFileIfExists(path)
      if (!file) return undefined
      const { head, pieces, whole } = splitPieces(file)
      if (!head || !whole) throw damaged(path)
      const last = head.kind === 'whole' ? pieces.length - 1 : -1
      if (head.kind === 'whole' && last < 0) throw damaged(path)
      const items = pieces.map((sealed, index) => ({
        sealed,
        context: pieceContext(collection, name, head, index, index === last),
      }))
      const opened = await sealer.openAll(items).catch((thrown) => {
        throw named(thrown, path)
      })
      return Buffer.concat(opened.map((one) => (one.s === 'open' ? one.plain : new Uint8Array(0))))
    },

    async write(path, name, bytes) {
      const head: FileHead = { kind: 'whole', version: 1 + (await versionOf(path)) }
      const count = Math.max(1, Math.ceil(bytes.length / PIECE_BYTES))
      const sealed = await sealer.sealAll(
        Array.from({ length: count }, (_, index) => ({
          plain: bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES),
          context: pieceContext(collection, name, head, index, index === count - 1),
        })),
      )
      await writeFileAtomic(path, encodePieces(head, sealed))
    },

    async grow(path, name) {
      const handle = await open(path, 'a+', 0o600).catch((thrown) => {
        throw storageError(thrown, 'open', path)
      })
      const file = new AppendedFile(sealer, handle, { path, collection, name })
      try {
        await file.recover()
        return file
      } catch (thrown) {
        await handle.close()
        throw thrown
      }
    },

    async seal(path, name) {
      const plain = await readFileIfExists(path)
      if (!plain || headOf(plain)) return false
      const old = await open(path, 'r+').catch((thrown) => {
        throw storageError(thrown, 'open', path)
      })
      try {
        await files.write(path, name, plain)
        // Under another name, by a hard link, the content is still somebody's.
        if ((await old.stat()).nlink === 0) {
          await old.writeFile(Buffer.alloc(plain.length))
          await old.sync()
        }
        return true
      } catch (thrown) {
        throw storageError(thrown, 'seal', path)
      } finally {
        await old.close()
      }
    },
  }
  return files
}

const GROWN: FileHead = { kind: 'grown', version: 1 }

class AppendedFile implements GrowingFile {
  readonly #sealer: Sealer
  readonly #handle: FileHandle
  readonly #place: { readonly path: string; readonly collection: string; readonly name: string }
  #pieces = 0
  #bytes = 0

  constructor(
    sealer: Sealer,
    handle: FileHandle,
    place: { readonly path: string; readonly collection: string; readonly name: string },
  ) {
    this.#sealer = sealer
    this.#handle = handle
    this.#place = place
  }

  get bytes(): number {
    return this.#bytes
  }

  async recover(): Promise<void> {
    const file = await this.#disk('read', () => this.#handle.readFile())
    const { head, pieces } = splitPieces(file)
    if (head?.kind !== 'grown' || head.version !== GROWN.version) return this.clear()
    let end = HEAD_BYTES
    for (const sealed of pieces) {
      const length = await this.#lengthOf(sealed)
      if (length === undefined) break
      this.#pieces += 1
      this.#bytes += length
      end += 4 + sealed.length
    }
    if (end !== file.length) await this.#disk('truncate', () => this.#handle.truncate(end))
  }

  /** Undefined if the piece does not open. */
  async #lengthOf(sealed: Uint8Array): Promise<number | undefined> {
    try {
      const [opened] = await this.#sealer.openAll([{ sealed, context: this.#context() }])
      return opened?.s === 'open' ? opened.plain.length : undefined
    } catch (thrown) {
      const { code } = toYizhanError(thrown)
      if (code === 'data_corrupt') return undefined
      throw named(thrown, this.#place.path)
    }
  }

  async append(bytes: Uint8Array): Promise<void> {
    const [sealed] = await this.#sealer.sealAll([{ plain: bytes, context: this.#context() }])
    await this.#write(encodePieces(undefined, [sealed as Uint8Array]))
    this.#pieces += 1
    this.#bytes += bytes.length
  }

  async clear(): Promise<void> {
    await this.#disk('truncate', () => this.#handle.truncate(0))
    await this.#write(encodePieces(GROWN, []))
    this.#pieces = 0
    this.#bytes = 0
  }

  #write(bytes: Uint8Array): Promise<void> {
    return this.#disk('write', () => this.#handle.appendFile(bytes))
  }

  sync(): Promise<void> {
    return this.#disk('sync', () => this.#handle.sync())
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  #context() {
    const { collection, name } = this.#place
    return pieceContext(collection, name, GROWN, this.#pieces, false)
  }

  async #disk<T>(verb: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act()
    } catch (thrown) {
      throw storageError(thrown, verb, this.#place.path)
    }
  }
}

/** Of the file that is there; 0 if there is none, or something else. */
async function versionOf(path: string): Promise<number> {
  const file = await readFileIfExists(path)
  return (file && headOf(file)?.version) ?? 0
}

function damaged(path: string): YizhanError {
  return new YizhanError('data_corrupt', `${path} is damaged, or is no sealed file`, { details: { path } })
}

function named(thrown: unknown, path: string): YizhanError {
  const error = toYizhanError(thrown)
  // The ring gives a hint with what it says of its keys; a tag that does not fit has none.
  if (error.code === 'data_corrupt' && error.hint === undefined) return damaged(path)
  if (error.code !== 'key_unknown' && error.code !== 'data_corrupt') return error
  return new YizhanError('key_unknown', `the key that ${path} was sealed with is not in the key store`, {
    details: { path },
    hint: error.hint ?? 'put the key store back that belongs to it; nothing was changed',
    cause: thrown,
  })
}
