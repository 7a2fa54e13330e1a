import { YizhanError } from '@yizhan/kernel'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import type { GatheredFile } from './gathered.js'

const MIB = 1024 * 1024
const MAX_ENTRIES = 20_000
/** Of one file, unpacked; the center takes no larger one. */
const MAX_FILE_BYTES = 16 * MIB
const MAX_UNPACKED = 512 * MIB

/**
 * The files of an archive, each named below `prefix`; folders and hidden files are left out. What the archive's own
 * directory calls too large is not unpacked, and what turns out larger than that says is an error. The archive stays open
 * as long as the process. Throws `invalid_argument`, `too_large`.
 */
export async function filesInZip(path: string, prefix: string): Promise<GatheredFile[]> {
  const zip = await broken(path, openPromise(path, { lazyEntries: true, autoClose: false }))
  if (zip.entryCount > MAX_ENTRIES) throw tooLarge(path)
  const files: GatheredFile[] = []
  let unpacked = 0
  const entries = zip.eachEntry()
  for (let next = await broken(path, entries.next()); !next.done; next = await broken(path, entries.next())) {
    const entry = next.value
    if (isPassedOver(entry.fileName)) continue
    unpacked += entry.uncompressedSize
    if (entry.uncompressedSize > MAX_FILE_BYTES || unpacked > MAX_UNPACKED) throw tooLarge(path)
    files.push({
      name: `${prefix}/${entry.fileName}`,
      sizeBytes: entry.uncompressedSize,
      read: () => broken(path, unpack(zip, entry)),
    })
  }
  return files
}

function isPassedOver(name: string): boolean {
  return name.endsWith('/') || name.split('/').some((part) => part.startsWith('.') || part === '__MACOSX')
}

async function unpack(zip: ZipFile, entry: Entry): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

async function broken<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (thrown) {
    throw new YizhanError('invalid_argument', `${path} is damaged, or is no ZIP file that can be read`, {
      cause: thrown,
    })
  }
}

function tooLarge(path: string): YizhanError {
  return new YizhanError('too_large', `${path} holds too much, or a file of more than 16 MiB; unpack it`)
}
