import type { FileHandle } from 'node:fs/promises'
import { storageError } from './storage-error.js'

/** What the key store needs of an open file; a test puts a failing one in its place. */
export type DiskFile = Pick<FileHandle, 'read' | 'write' | 'datasync' | 'truncate' | 'stat' | 'close'>
export type OpenDiskFile = (path: string, flags: string, mode: number) => Promise<DiskFile>

/** All of `bytes`. Throws `disk_full` or `storage_failed`. */
export async function writeAt(
  file: DiskFile,
  path: string,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; ) {
      done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
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
