import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { YizhanError } from '@yizhan/kernel'
import { ZipFile } from 'yazl'

/** An entry of a zip, written and digested. */
export interface ZipEntry {
  readonly path: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

/** Writes one entry; resolves when its content is in the zip. */
export type AddEntry = (path: string, content: AsyncIterable<Uint8Array>) => Promise<ZipEntry>

/** A zip that is made while it is read: `produce` adds its entries one after the other. What it throws ends the stream. */
export function zipStream(
  at: Date,
  produce: (add: AddEntry) => Promise<void>,
  signal: AbortSignal,
): Readable {
  const zip = new ZipFile()
  const out = zip.outputStream as Readable
  const abort = () => out.destroy(signal.reason instanceof Error ? signal.reason : undefined)
  signal.addEventListener('abort', abort, { once: true })
  out.once('close', () => signal.removeEventListener('abort', abort))
  zip.on('error', (error: Error) => out.destroy(error))
  const add: AddEntry = (path, content) => {
    const hash = createHash('sha256')
    let bytes = 0
    async function* digested() {
      for await (const chunk of content) {
        hash.update(chunk)
        bytes += chunk.length
        yield chunk
      }
    }
    const source = Readable.from(digested(), { objectMode: false })
    return new Promise((resolve, reject) => {
      const gone = () => {
        source.destroy()
        reject(new YizhanError('cancelled', 'nobody reads the copy any more'))
      }
      out.once('close', gone)
      source.once('error', reject)
      source.once('end', () => {
        out.off('close', gone)
        resolve({ path, bytes, sha256: hash.digest('hex') })
      })
      zip.addReadStream(source, path, { mtime: at, mode: 0o600 })
    })
  }
  const made = signal.aborted ? Promise.reject(signal.reason) : produce(add)
  made.then(
    () => zip.end(),
    (thrown: unknown) => out.destroy(thrown instanceof Error ? thrown : new Error(String(thrown))),
  )
  return out
}
