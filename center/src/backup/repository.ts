import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import {
  exists,
  openOne,
  parseJson,
  readFileIfExists,
  type Sealer,
  sealOne,
  storageError,
  syncDirectory,
  systemCode,
  writeFileAtomic,
  YizhanError,
} from '@yizhan/kernel'
import type { Snapshot } from './port.js'

const ID = /^bak_[0-9a-z]{26}$/
const DIGEST = /^[0-9a-f]{64}$/
const Count = Type.Integer({ minimum: 0 })
const Chunks = Type.Array(Type.String({ pattern: DIGEST.source }))
const SnapshotSchema = Type.Object({
  format: Type.Literal(1),
  id: Type.String({ pattern: ID.source }),
  kind: Type.Union([Type.Literal('full'), Type.Literal('incremental')]),
  startedAt: Count,
  finishedAt: Count,
  version: Type.String(),
  scopes: Type.Array(
    Type.Object({
      tenant: Type.Union([Type.Null(), Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' })]),
      rows: Count,
      bytes: Count,
      chunks: Chunks,
    }),
  ),
  files: Type.Array(
    Type.Object({
      folder: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
      path: Type.String({ minLength: 1 }),
      mode: Count,
      bytes: Count,
      chunks: Chunks,
    }),
  ),
  vanished: Count,
})

/**
 * A directory of backups: `snapshots/<id>` and `chunks/<aa>/<digest>`, all of it sealed by the backup's key. A chunk is named by
 * the SHA-256 of what it holds, so one that is there already is not written again.
 */
export class Repository {
  readonly directory: string
  readonly #sealer: Sealer

  constructor(directory: string, sealer: Sealer) {
    this.directory = directory
    this.#sealer = sealer
  }

  /** Durable when it resolves. `written`: 0 if it was there and `rewrite` does not ask for it anew. */
  async putChunk(
    bytes: Uint8Array,
    rewrite: boolean,
  ): Promise<{ readonly digest: string; readonly written: number }> {
    const digest = createHash('sha256').update(bytes).digest('hex')
    const path = this.#chunkPath(digest)
    if (!rewrite && (await exists(path))) return { digest, written: 0 }
    const sealed = await sealOne(this.#sealer, bytes, context('backup-chunk', digest))
    await folder(join(this.directory, 'chunks', digest.slice(0, 2)))
    await writeFileAtomic(path, sealed)
    return { digest, written: sealed.length }
  }

  /** Throws `data_corrupt` if it is missing, damaged or another's, `key_unknown` for another installation's. */
  async chunk(digest: string): Promise<Uint8Array> {
    const sealed = await readFileIfExists(this.#chunkPath(digest))
    if (!sealed)
      throw new YizhanError('data_corrupt', 'a chunk of the backup is missing', {
        details: { chunk: digest },
      })
    const bytes = await openOne(this.#sealer, sealed, context('backup-chunk', digest))
    if (!bytes || createHash('sha256').update(bytes).digest('hex') !== digest) {
      throw new YizhanError('data_corrupt', 'a chunk of the backup is damaged', {
        details: { chunk: digest },
      })
    }
    return bytes
  }

  /** The last thing that a backup writes: before it there is none. */
  async putSnapshot(snapshot: Snapshot): Promise<void> {
    const sealed = await sealOne(
      this.#sealer,
      Buffer.from(JSON.stringify(snapshot)),
      context('backup-snapshot', snapshot.id),
    )
    await folder(join(this.directory, 'snapshots'))
    await writeFileAtomic(join(this.directory, 'snapshots', snapshot.id), sealed)
  }

  /** By its id, or the newest by `latest`. Throws `not_found`, `data_corrupt`, `key_unknown`. */
  async snapshot(name: string): Promise<Snapshot> {
    const id = name === 'latest' ? ((await this.snapshotIds()).at(-1) ?? '') : name
    const sealed = ID.test(id) ? await readFileIfExists(join(this.directory, 'snapshots', id)) : undefined
    if (!sealed) throw new YizhanError('not_found', 'there is no such backup', { hint: 'backup list' })
    const bytes = await openOne(this.#sealer, sealed, context('backup-snapshot', id))
    const value = bytes && parseJson(Buffer.from(bytes).toString('utf8'))
    if (Value.Check(SnapshotSchema, value)) return value
    throw new YizhanError('data_corrupt', 'a backup cannot be read', { details: { backup: id } })
  }

  /** Ids, oldest first; none for a directory that holds no backups. */
  async snapshotIds(): Promise<readonly string[]> {
    return (await entries(join(this.directory, 'snapshots'))).filter((name) => ID.test(name)).sort()
  }

  async deleteSnapshot(id: string): Promise<void> {
    await rm(join(this.directory, 'snapshots', id), { force: true })
    await syncDirectory(join(this.directory, 'snapshots'))
  }

  /** Deletes every chunk that is not in `kept`, and what writes left that broke off. Returns how many and their bytes. */
  async keepChunks(kept: ReadonlySet<string>): Promise<{ readonly deleted: number; readonly bytes: number }> {
    let deleted = 0
    let bytes = 0
    for (const start of await entries(join(this.directory, 'chunks'))) {
      for (const name of await entries(join(this.directory, 'chunks', start))) {
        if (kept.has(name)) continue
        const path = join(this.directory, 'chunks', start, name)
        bytes += (await stat(path).catch(() => undefined))?.size ?? 0
        await rm(path, { force: true })
        deleted += 1
      }
    }
    return { deleted, bytes }
  }

  #chunkPath(digest: string): string {
    return join(this.directory, 'chunks', digest.slice(0, 2), digest)
  }
}

function context(collection: string, key: string) {
  return { tenant: null, collection, key, version: 1 }
}

async function folder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
    throw storageError(thrown, 'create', path)
  })
  if (made !== undefined) await syncDirectory(join(path, '..'))
}

async function entries(path: string): Promise<string[]> {
  try {
    return await readdir(path)
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return []
    throw storageError(thrown, 'read', path)
  }
}
