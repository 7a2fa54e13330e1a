import { writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { storageError } from './storage-error.js'

/** What the key store and the journal need of an open file; a test puts a failing one in its place. */
export interface DiskFile
  extends Pick<FileHandle, 'read' | 'write' | 'datasync' | 'truncate' | 'stat' | 'close'> {
  /** The descriptor, of a file whose small writes go to the system's memory at once, on the calling thread. */
  readonly writesNow?: number
}
export type OpenDiskFile = (path: string, flags: string, mode: number) => Promise<DiskFile>

/**
 * What one write on the calling thread has at most. Into the system's memory it takes 3 to 40 µs; another thread that does
 * it takes 50 to 200, and two switches of threads (measured).
 */
const NOW_BYTES = 64 << 10

/** All of `bytes`. Throws `disk_full` or `storage_failed`. */
export async function writeAt(
  file: DiskFile,
  path: string,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  try {
    const fd = bytes.length > NOW_BYTES ? undefined : file.writesNow
    for (let done = 0; done < bytes.length; ) {
      const left = bytes.length - done
      if (fd !== undefined) done += writeSync(fd, bytes, done, left, position + done)
      else done += (await file.write(bytes, done, left, position + done)).bytesWritten
    }
  } catch (thrown) {
    throw storageError(thrown, 'write', path)
  }
}

/** Fills `bytes` as far as the file goes; returns how many there were. Throws `storage_failed`. */
export async function readAt(file: DiskFile, path: string, bytes: Buffer, position: number): Promise<number> {
  try {
    let done = 0
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  } catch (thrown) {
    throw storageError(thrown, 'read', path)
  }
}

export async function syncData(file: DiskFile, path: string): Promise<void> {
  try {
    await file.datasync()
  } catch (thrown) {
    throw storageError(thrown, 'sync', path)
  }
}
