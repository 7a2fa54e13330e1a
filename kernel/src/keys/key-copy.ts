import { type FileHandle, link, lstat, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { exists, syncDirectory } from '../atomic-file.js'
import { readAt, syncData, writeAt } from '../disk-file.js'
import { YizhanError } from '../errors.js'
import { storageError } from '../storage-error.js'
import type { KeyParts } from './key-parts.js'
import type { Erasure } from './port.js'
import { decodeSlot, encodeSlot, SLOT_BYTES } from './slot.js'
import { keyStoreIsEmpty, shredFile, storePaths } from './store-files.js'
import { decodeHeader, decodeTrailer, encodeTrailer } from './store-header.js'

const CHUNK_SLOTS = 2048

/**
 * Slots as they are, and a trailer. What is overwritten while the copy is made is copied again at the end. The former
 * copy is overwritten once the new one has its name; one that a crash left over is overwritten by the next call. Throws
 * `already_exists` before anything is written if `path`, or the names beside it, are something else than a copy.
 */
export async function copyKeys(
  { file, clock }: KeyParts,
  path: string,
  signal: AbortSignal,
): Promise<{ slots: number; bytes: number }> {
  const directory = dirname(path)
  const incoming = `${path}.new`
  const former = `${path}.old`
  await refuseForeign(path, file.path)
  await refuseForeign(former, file.path)
  await refuseLink(incoming)
  await shredFile(directory, incoming)
  // A crash before the new copy had its name: both names are one file, and it is the good one.
  if (await sameFile(path, former)) await unlink(former)
  await shredFile(directory, former)
  const copy = await open(incoming, 'wx', 0o600).catch((thrown) => {
    throw storageError(thrown, 'create', incoming)
  })
  const changed = new Set<number>()
  const told = file.onRewrite
  file.onRewrite = (slot) => {
    told?.(slot)
    changed.add(slot)
  }
  try {
    let slots = 0
    for (; slots < file.used; ) {
      signal.throwIfAborted()
      const count = Math.min(CHUNK_SLOTS, file.used - slots)
      await writeAt(copy, incoming, await file.readRun(slots, count), slots * SLOT_BYTES)
      slots += count
    }
    for (const slot of changed) {
      changed.delete(slot)
      if (slot < slots) await writeAt(copy, incoming, await file.readRun(slot, 1), slot * SLOT_BYTES)
    }
    await writeAt(copy, incoming, encodeTrailer({ slots, made: clock.wall() }), slots * SLOT_BYTES)
    await syncData(copy, incoming)
    await copy.close()
    if (await exists(path)) await link(path, former)
    await rename(incoming, path)
    await syncDirectory(directory)
    await shredFile(directory, former)
    return { slots: slots - 1, bytes: (slots + 1) * SLOT_BYTES }
  } catch (thrown) {
    await copy.close().catch(() => undefined)
    await shredFile(directory, incoming).catch(() => undefined)
    if (signal.aborted) throw thrown
    throw storageError(thrown, 'copy keys to', path)
  } finally {
    file.onRewrite = told
  }
}

/** A copy replaces a former copy and nothing else: what it replaces is overwritten. */
async function refuseForeign(path: string, live: string): Promise<void> {
  if (!(await exists(path))) return
  const start = Buffer.alloc(SLOT_BYTES)
  await refuseLink(path)
  const found = await open(path, 'r').catch((thrown) => {
    throw storageError(thrown, 'read', path)
  })
  try {
    await readAt(found, path, start, 0)
  } finally {
    await found.close()
  }
  if (decodeHeader(start) && !(await sameFile(path, live))) return
  throw new YizhanError('already_exists', `${path} is there and is no copy of keys`, {
    details: { path },
    hint: 'name another file',
  })
}

/** What a link points to is somebody else's to overwrite. */
async function refuseLink(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isSymbolicLink()) return
  throw new YizhanError('already_exists', `${path} is a link`, {
    details: { path },
    hint: 'name another file',
  })
}

async function sameFile(a: string, b: string): Promise<boolean> {
  if (!(await exists(a)) || !(await exists(b))) return false
  const [one, other] = [await stat(a), await stat(b)]
  return one.ino === other.ino && one.dev === other.dev
}

/**
 * Takes a copy into an empty directory, without the keys of those who were erased since: they become tombstones, also
 * those whom the copy does not know. Needs no key-encryption key. Throws `failed_precondition` if keys are there,
 * `data_corrupt` if the copy was cut short or is none; then the directory is as before.
 */
export async function importKeys(
  dir: string,
  path: string,
  options: { readonly erased: Iterable<Erasure> },
): Promise<{ readonly slots: number; readonly erased: number }> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  if (!(await keyStoreIsEmpty(dir))) {
    throw new YizhanError('failed_precondition', `there are keys in ${dir}`, {
      details: { path: dir },
      hint: 'give an empty directory',
    })
  }
  const { slots: target, incoming } = storePaths(dir)
  await shredFile(dir, incoming)
  const copy = await open(path, 'r').catch((thrown) => {
    throw storageError(thrown, 'read', path)
  })
  try {
    const slots = await checkCopy(copy, path)
    const made = await open(incoming, 'wx', 0o600)
    try {
      const buried = await fill(made, incoming, copy, path, slots, new Graves(options.erased))
      await syncData(made, incoming)
      await rename(incoming, target)
      await syncDirectory(dir)
      return { slots: slots - 1, erased: buried }
    } finally {
      await made.close()
    }
  } catch (thrown) {
    await shredFile(dir, incoming).catch(() => undefined)
    throw storageError(thrown, 'take in', path)
  } finally {
    await copy.close()
  }
}

/** Number of slots with the header. */
async function checkCopy(copy: FileHandle, path: string): Promise<number> {
  const { size } = await copy.stat()
  const slots = size / SLOT_BYTES - 1
  const header = Buffer.alloc(SLOT_BYTES)
  const trailer = Buffer.alloc(SLOT_BYTES)
  await readAt(copy, path, header, 0)
  await readAt(copy, path, trailer, Math.max(0, slots) * SLOT_BYTES)
  if (decodeHeader(header) && decodeTrailer(trailer)?.slots === slots) return slots
  throw new YizhanError('data_corrupt', `${path} is no whole copy of a key store`, {
    details: { path, bytes: size },
    hint: 'use another copy; `keys export` makes one',
  })
}

async function fill(
  made: FileHandle,
  incoming: string,
  copy: FileHandle,
  path: string,
  slots: number,
  graves: Graves,
): Promise<number> {
  let buried = 0
  for (let at = 0; at < slots; at += CHUNK_SLOTS) {
    const chunk = Buffer.alloc(Math.min(CHUNK_SLOTS, slots - at) * SLOT_BYTES)
    await readAt(copy, path, chunk, at * SLOT_BYTES)
    for (let offset = at === 0 ? SLOT_BYTES : 0; offset < chunk.length; offset += SLOT_BYTES) {
      const found = decodeSlot(chunk.subarray(offset, offset + SLOT_BYTES))
      const named = found.s === 'damaged' ? found.named : found
      if (!named || !('tenant' in named) || found.s === 'destroyed' || !graves.has(named)) continue
      chunk.fill(0, offset, offset + SLOT_BYTES)
      buried += 1
    }
    await writeAt(made, incoming, chunk, at * SLOT_BYTES)
  }
  let end = slots
  for (const grave of graves.all()) {
    const { tenant, subject = '', at } = grave
    const kind = subject === '' ? 'tenant' : 'subject'
    await writeAt(made, incoming, encodeSlot({ s: 'destroyed', kind, tenant, subject, at }), end * SLOT_BYTES)
    end += 1
  }
  return buried
}

/** Whose keys may not come back. */
class Graves {
  readonly #graves = new Map<string, Erasure>()

  constructor(erased: Iterable<Erasure>) {
    for (const grave of erased) this.#graves.set(`${grave.tenant} ${grave.subject ?? ''}`, grave)
  }

  has({ tenant, subject }: { readonly tenant: string; readonly subject: string }): boolean {
    return this.#graves.has(`${tenant} `) || this.#graves.has(`${tenant} ${subject}`)
  }

  all(): Iterable<Erasure> {
    return this.#graves.values()
  }
}
