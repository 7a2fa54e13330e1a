// A log that does not fill the disk.
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

const MAX_BYTES = 10 * 1024 * 1024

/**
 * A file to append to, 0600. Past 10 MiB it becomes `<path>.1`, in place of the one before. What cannot be written is
 * left out, and `onError` is told once: a full disk must not end what this is the log of.
 */
export function openLogFile(path, onError, maxBytes = MAX_BYTES) {
  let fd
  let size = 0
  let toldOf = false

  function open() {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    fd = openSync(path, 'a', 0o600)
    size = fstatSync(fd).size
  }
  function rotate() {
    closeSync(fd)
    fd = undefined
    renameSync(path, `${path}.1`)
    open()
  }
  return {
    write(data) {
      try {
        if (fd === undefined) open()
        if (size > 0 && size + data.length > maxBytes) rotate()
        size += writeSync(fd, data)
        toldOf = false
      } catch (error) {
        if (!toldOf) onError(error)
        toldOf = true
      }
    },
  }
}
