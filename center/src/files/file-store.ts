import { createHash } from 'node:crypto'
import {
  type Clock,
  newId,
  openOne,
  type SealContext,
  type Sealer,
  sealOne,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import { contentMark, type SubjectKeys } from '../privacy/index.js'
import { type Change, collectionOf, type Store } from '../storage/index.js'
import { DIGEST_BYTES, leafDigest, rootDigest, splitLeaves } from './digest-tree.js'
import { FILES } from './file-collection.js'
import { cutInPieces } from './pieces.js'
import type { ByteRange, FileStore, NewFile, PieceStore, StoredFile } from './port.js'

export interface FileStoreDeps {
  readonly store: Store
  readonly pieces: PieceStore
  readonly sealer: Sealer
  /** A digest alone would tell who holds a file that somebody knows. */
  readonly keys: Pick<SubjectKeys, 'lookupKey'>
  readonly clock: Clock
}

export interface FileStoreConfig {
  /** Content bytes of a piece; default 256 KiB. */
  readonly pieceBytes?: number
  /** Largest file; default 1 GiB. */
  readonly maxBytes?: number
}

const TREES = 'file-trees'
const PIECE_BYTES = 256 * 1024
const MAX_BYTES = 1024 * 1024 * 1024
// Leaves of a file stand in one record of at most 1 MiB.
const MAX_PIECES = (1024 * 1024) / DIGEST_BYTES
const AT_ONCE = 4
const NAME_CHARS = 255
// Of the files with one content that are told.
const MAX_SAME = 20

/** Files as a manifest and a digest tree in the store, and sealed pieces beside it. */
export function createFileStore(deps: FileStoreDeps, config: FileStoreConfig = {}): FileStore {
  const { store, pieces, sealer, keys, clock } = deps
  const manifests = collectionOf({ store, clock }, FILES)
  const pieceBytes = config.pieceBytes ?? PIECE_BYTES
  const maxBytes = Math.min(config.maxBytes ?? MAX_BYTES, MAX_PIECES * pieceBytes)
  /** Uploads under way: their pieces belong to no file yet and are no leftovers. */
  const writing = new Set<string>()

  async function put(
    tenant: TenantId,
    file: NewFile,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<StoredFile> {
    checkNew(file)
    const id = newId('file', clock.wall())
    writing.add(id)
    try {
      const { name, mediaType, subject, expiresAt } = file
      const written = await writePieces(tenant, id, subject, content, signal).catch(
        async (thrown: unknown) => {
          // What cannot be deleted now is found by the next sweep.
          await pieces.delete(tenant, id).catch(() => undefined)
          throw thrown
        },
      )
      const owned = {
        ...(subject === undefined ? {} : { subject }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      }
      const stored: StoredFile = {
        id,
        name,
        mediaType,
        ...written.told,
        pieceBytes,
        storedAt: clock.wall(),
        mark: await markOf(tenant, written.told.sha256),
        ...owned,
      }
      const leaves = Buffer.concat(written.leaves)
      const manifest = manifests.save(stored, { expectedVersion: 0 })
      const tree: Change = { op: 'put', collection: TREES, key: id, value: leaves, ...owned }
      await store.batch(tenant, [manifest, tree], {
        ...entryOf('CREATE', id, file),
        ...(subject === undefined ? {} : { subject }),
        after: FILES.encode(stored),
      })
      // If this fails the file may be there all the same: what is left over is for the sweep to tell.
      return stored
    } finally {
      writing.delete(id)
    }
  }

  async function markOf(tenant: TenantId, sha256: string): Promise<string> {
    return contentMark(await keys.lookupKey(tenant), sha256)
  }

  async function withContent(tenant: TenantId, sha256: string): Promise<readonly StoredFile[]> {
    const index = { name: 'content', value: await markOf(tenant, sha256) }
    const { records } = await manifests.scan(tenant, { index, reverse: true, limit: MAX_SAME })
    return records.map(({ value }) => value)
  }

  async function writePieces(
    tenant: TenantId,
    id: string,
    subject: string | undefined,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ) {
    const hash = createHash('sha256')
    const leaves: Buffer[] = []
    const running = new Set<Promise<void>>()
    let sizeBytes = 0
    try {
      for await (const piece of cutInPieces(content, pieceBytes)) {
        signal.throwIfAborted()
        sizeBytes += piece.length
        if (sizeBytes > maxBytes) throw tooLarge(maxBytes)
        hash.update(piece)
        const index = leaves.length
        const sealed = await sealOne(sealer, piece, pieceContext(tenant, id, index, subject))
        leaves.push(leafDigest(index, sealed))
        const writtenPiece = pieces.put(tenant, id, index, sealed)
        const tracked = writtenPiece.finally(() => running.delete(tracked))
        // Its failure is met below; without this it would count as unhandled until then.
        tracked.catch(() => undefined)
        running.add(tracked)
        if (running.size >= AT_ONCE) await Promise.race(running)
      }
      signal.throwIfAborted()
      await Promise.all(running)
    } finally {
      // Nothing may still write when the leftovers are deleted.
      await Promise.allSettled(running)
    }
    const told = {
      sizeBytes,
      sha256: hash.digest('hex'),
      root: rootDigest(leaves).toString('hex'),
      pieces: leaves.length,
    }
    return { told, leaves }
  }

  async function leavesOf(tenant: TenantId, file: StoredFile): Promise<Uint8Array[]> {
    const tree = await store.get(tenant, TREES, file.id)
    const leaves = tree ? splitLeaves(tree.value) : []
    if (leaves.length !== file.pieces || rootDigest(leaves).toString('hex') !== file.root) {
      throw new YizhanError('data_corrupt', 'the digest tree of a file does not fit it', {
        details: { file: file.id },
      })
    }
    return leaves
  }

  async function known(tenant: TenantId, id: string): Promise<StoredFile> {
    const file = await stat(tenant, id)
    if (!file) throw new YizhanError('not_found', 'there is no such file')
    return file
  }

  async function stat(tenant: TenantId, id: string): Promise<StoredFile | undefined> {
    return (await manifests.get(tenant, id))?.value
  }

  async function* read(
    tenant: TenantId,
    id: string,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const file = await known(tenant, id)
    const { start, end } = checkRange(range ?? { start: 0, end: file.sizeBytes - 1 }, file.sizeBytes)
    if (end < start) return
    const leaves = await leavesOf(tenant, file)
    for (let index = Math.floor(start / file.pieceBytes); index * file.pieceBytes <= end; index++) {
      signal.throwIfAborted()
      const sealed = await pieces.get(tenant, id, index)
      if (!sealed || !leafDigest(index, sealed).equals(leaves[index] ?? new Uint8Array())) {
        // Deleted while it was read: that is no damage.
        await known(tenant, id)
        throw badPiece(id, index)
      }
      const plain = await openOne(sealer, sealed, pieceContext(tenant, id, index, file.subject))
      if (!plain) throw new YizhanError('erased', 'the person whose file this is was erased')
      const offset = index * file.pieceBytes
      yield plain.subarray(Math.max(0, start - offset), Math.min(plain.length, end + 1 - offset))
    }
  }

  return {
    put,
    stat,
    withContent,
    read,
    async list(tenant, options = {}) {
      const page = await manifests.scan(tenant, options)
      const files = page.records.map(({ value }) => value)
      return page.cursor === undefined ? { files } : { files, cursor: page.cursor }
    },
    async delete(tenant, id, by) {
      const record = await store.get(tenant, FILES.def.name, id)
      if (!record) throw new YizhanError('not_found', 'there is no such file')
      const { subject, version } = record
      const changes: Change[] = [
        manifests.delete(id, { expectedVersion: version }),
        { op: 'delete', collection: TREES, key: id },
      ]
      const entry = { ...entryOf('DELETE', id, by), before: record.value }
      await store.batch(tenant, changes, subject === undefined ? entry : { ...entry, subject })
      await pieces.delete(tenant, id)
    },
    async check(tenant, id, signal) {
      const file = await known(tenant, id)
      const leaves = await leavesOf(tenant, file)
      const bad: number[] = []
      for (const [index, leaf] of leaves.entries()) {
        signal.throwIfAborted()
        const sealed = await pieces.get(tenant, id, index)
        if (!sealed || !leafDigest(index, sealed).equals(leaf)) bad.push(index)
      }
      return bad
    },
    async sweep(tenant, signal) {
      let files = 0
      const found = await pieces.files(tenant)
      // What has expired is kept for as long as its record lies there: a legal hold may be on it.
      const expired = found.length > 0 ? await expiredFiles(tenant, signal) : new Set<string>()
      for (const id of found) {
        signal.throwIfAborted()
        // In this order: an upload that ends between the two has its manifest by then.
        if (writing.has(id) || expired.has(id) || (await stat(tenant, id))) continue
        await pieces.delete(tenant, id)
        files += 1
      }
      return { files }
    },
  }

  async function expiredFiles(tenant: TenantId, signal: AbortSignal): Promise<Set<string>> {
    const ids = new Set<string>()
    let cursor: string | undefined
    do {
      signal.throwIfAborted()
      const query = { expiredBefore: clock.wall() + 1 }
      const page = await store.places(tenant, query, {
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { collection, key } of page.places) if (collection === FILES.def.name) ids.add(key)
      cursor = page.cursor
    } while (cursor !== undefined)
    return ids
  }

  function entryOf(action: 'CREATE' | 'DELETE', id: string, by: { actor: string; requestId?: string }) {
    const { actor, requestId } = by
    const entry = { time: clock.wall(), actor, action, object: `${FILES.def.name}/${id}` } as const
    return requestId === undefined ? entry : { ...entry, requestId }
  }
}

function pieceContext(tenant: TenantId, id: string, index: number, subject: string | undefined): SealContext {
  // `$` is in no collection's name.
  const place = { tenant, collection: '$piece', key: `${id}/${index}`, version: 1 }
  return subject === undefined ? place : { ...place, subject }
}

function checkNew({ name, mediaType }: NewFile): void {
  if (name.length < 1 || name.length > NAME_CHARS || /[\p{Cc}/\\]/u.test(name)) {
    throw new YizhanError(
      'invalid_argument',
      `the name of a file is not 1–${NAME_CHARS} characters without / and \\`,
    )
  }
  if (!/^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(mediaType)) {
    throw new YizhanError('invalid_argument', 'the media type of a file is not type/subtype')
  }
}

function checkRange(range: ByteRange, sizeBytes: number): ByteRange {
  const { start, end } = range
  const fits =
    Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end < sizeBytes
  // An empty file has no bytes to name.
  if (fits || (sizeBytes === 0 && start === 0 && end === -1)) return range
  throw new YizhanError('invalid_argument', 'the range is not inside the file', { details: { sizeBytes } })
}

function tooLarge(maxBytes: number): YizhanError {
  return new YizhanError('too_large', `the file is larger than ${maxBytes} bytes`, { details: { maxBytes } })
}

function badPiece(file: string, piece: number): YizhanError {
  return new YizhanError('data_corrupt', 'a piece of a file is missing or damaged', {
    details: { file, piece },
  })
}
