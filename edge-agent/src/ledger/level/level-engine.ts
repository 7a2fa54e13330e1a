import { readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { storageError, systemCode, YizhanError } from '@yizhan/kernel'
import { ClassicLevel } from 'classic-level'

export type Op =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string }

/** A key-value store of an edge; keys are ordered as text. */
export interface Engine {
  get(key: string): Uint8Array | undefined
  /** The last key below `end`, or undefined. */
  lastKey(start: string, end: string): Promise<string | undefined>
  entries(start: string, end: string, limit?: number): AsyncIterable<[string, Uint8Array]>
  /** Atomic. With `sync` it resolves after the fsync. */
  write(ops: Op[], sync: boolean): Promise<void>
  /** Rewrites the files that hold keys of `start` to `end`, so that replaced and deleted values are in none of them. */
  compact(start: string, end: string): Promise<void>
  close(): Promise<void>
}

export interface EngineHost {
  open(dir: string): Promise<Engine>
}

export const levelHost: EngineHost = {
  open: openLevel,
}

async function openLevel(dir: string): Promise<Engine> {
  // Without compression a flipped bit spoils one record instead of a block of them.
  const db = new ClassicLevel<string, Uint8Array>(dir, { valueEncoding: 'view', compression: false })
  try {
    await db.open()
  } catch (thrown) {
    const cause = thrown instanceof Error && thrown.cause ? thrown.cause : thrown
    // A file that CURRENT or the manifest names is not there.
    if (cause instanceof Error && cause.message.includes('No such file or directory'))
      throw corrupt(cause, dir)
    throw levelError(cause, dir)
  }
  return {
    get(key) {
      try {
        return db.getSync(key)
      } catch (thrown) {
        throw levelError(thrown, dir)
      }
    },
    async lastKey(start, end) {
      try {
        for await (const key of db.keys({ gte: start, lt: end, reverse: true, limit: 1 })) return key
        return undefined
      } catch (thrown) {
        throw levelError(thrown, dir)
      }
    },
    async *entries(start, end, limit = -1) {
      const iterator = db.iterator({ gte: start, lt: end, limit, highWaterMarkBytes: 1 << 20 })
      try {
        for (;;) {
          const some = await iterator.nextv(1_000)
          if (some.length === 0) return
          yield* some
        }
      } catch (thrown) {
        throw levelError(thrown, dir)
      } finally {
        await iterator.close()
      }
    },
    async write(ops, sync) {
      try {
        // Op by op costs a seventh of what an array costs, which is copied and looked through property by property.
        const batch = db.batch()
        for (const op of ops) {
          if (op.type === 'put') batch.put(op.key, op.value)
          else batch.del(op.key)
        }
        await batch.write({ sync })
      } catch (thrown) {
        throw levelError(thrown, dir)
      }
    },
    async compact(start, end) {
      try {
        await db.compactRange(start, end)
      } catch (thrown) {
        throw levelError(thrown, dir)
      }
    },
    close: () => db.close(),
  }
}

/** LevelDB tells the system's error only in its text (env_posix.cc: strerror). */
function levelError(thrown: unknown, dir: string): YizhanError {
  if (thrown instanceof YizhanError) return thrown
  const code = systemCode(thrown)
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const where = { cause: thrown, details: { dir } }
  if (code === 'LEVEL_LOCKED') {
    return new YizhanError('failed_precondition', `the store in ${dir} belongs to another process`, where)
  }
  if (code === 'LEVEL_CORRUPTION') return corrupt(thrown, dir)
  if (/No space left on device|Disk quota exceeded/.test(message)) {
    return new YizhanError('disk_full', `no space left for the store in ${dir}`, where)
  }
  return code === 'LEVEL_IO_ERROR'
    ? new YizhanError('storage_failed', `the store in ${dir} failed: ${message}`, where)
    : storageError(thrown, 'use the store in', dir)
}

function corrupt(cause: unknown, dir: string): YizhanError {
  return new YizhanError('data_corrupt', `the store in ${dir} cannot be read`, { cause, details: { dir } })
}

/**
 * Opens the store in `dir` and reads its start. One that cannot be read is moved aside, never silently replaced by an
 * empty one: LevelDB itself starts afresh when its CURRENT file is gone, whatever else lies there.
 */
export async function openOrQuarantine<T>(
  host: EngineHost,
  dir: string,
  stamp: number,
  read: (engine: Engine, isFresh: boolean) => Promise<T>,
): Promise<{ engine: Engine; found: T; quarantined: string | undefined }> {
  const files: string[] = await readdir(dir).catch(() => [])
  const headless = !files.includes('CURRENT') && files.some((name) => /\.(ldb|log)$|^MANIFEST-/.test(name))
  if (!headless) {
    try {
      return { ...(await openAndRead(host, dir, (engine) => read(engine, false))), quarantined: undefined }
    } catch (thrown) {
      if (!(thrown instanceof YizhanError) || thrown.code !== 'data_corrupt') throw thrown
    }
  }
  const quarantined = join(dirname(dir), `${basename(dir)}.quarantine-${stamp}`)
  await rename(dir, quarantined)
  return { ...(await openAndRead(host, dir, (engine) => read(engine, true))), quarantined }
}

async function openAndRead<T>(host: EngineHost, dir: string, read: (engine: Engine) => Promise<T>) {
  const engine = await host.open(dir)
  try {
    return { engine, found: await read(engine) }
  } catch (thrown) {
    await engine.close()
    throw thrown
  }
}
