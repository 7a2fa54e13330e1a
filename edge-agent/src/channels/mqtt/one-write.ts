import type { Writable } from 'node:stream'

/**
 * What is written to `conn` from now to the end of this pass of the event loop leaves it in one system call. An answer of the
 * edge itself is written a moment after the acknowledgement of its question, as aedes does it: each for itself would cost a call
 * here and a wake-up of the client.
 */
export function inOneWrite(conn: Writable): void {
  conn.cork()
  setImmediate(uncork, conn)
}

function uncork(conn: Writable): void {
  conn.uncork()
}
