import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { sha256Hex, storageError, syncDirectory, systemCode } from '@yizhan/kernel'
import { type AnchorKeys, anchorInLine, anchorLine, checkAnchor, type SignedAnchor } from './anchor.js'
import type { AnchorTarget } from './anchor-target.js'

/** A line of JSON for each, at the end of a file (0600); on disk when `send` resolves. The file may be rotated. */
export function fileTarget(path: string): AnchorTarget {
  return {
    id: `file-${sha256Hex(path).slice(0, 8)}`,
    maxBatch: 1_000,
    async send(anchors) {
      try {
        await append(path, anchors.map((anchor) => `${anchorLine(anchor)}\n`).join(''))
      } catch (thrown) {
        throw storageError(thrown, 'append to', path)
      }
    },
    async close() {},
  }
}

async function append(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const handle = await open(path, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    const last =
      size > 0
        ? (await handle.read({ length: 1, position: size - 1, buffer: Buffer.alloc(1) })).buffer
        : undefined
    // A crash may have cut the last line short: it must not swallow the next one.
    const mended = last && last[0] !== 0x0a ? `\n${text}` : text
    await handle.appendFile(mended)
    await handle.datasync()
    if (size === 0) await syncDirectory(dirname(path))
  } finally {
    await handle.close()
  }
}

export interface AnchorReading {
  readonly anchors: readonly SignedAnchor[]
  /** Lines that look like an anchor of this tenant and are none that the center signed; the first few. */
  readonly bad: readonly { readonly line: number; readonly what: 'altered' | 'unknown-key' }[]
}

const MAX_BAD = 100

/** The anchors of a tenant in lines of any log; what is no anchor is passed over. */
export async function readAnchors(
  lines: AsyncIterable<string>,
  tenant: string,
  keys: AnchorKeys,
): Promise<AnchorReading> {
  const anchors: SignedAnchor[] = []
  const bad: { line: number; what: 'altered' | 'unknown-key' }[] = []
  let line = 0
  for await (const text of lines) {
    line += 1
    const anchor = anchorInLine(text)
    if (anchor?.tenant !== tenant) continue
    const what = checkAnchor(anchor, keys)
    if (what === 'valid') anchors.push(anchor)
    else if (bad.length < MAX_BAD) bad.push({ line, what })
  }
  return { anchors, bad }
}

/** The lines of a file; none if it is not there. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path)
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  } catch (thrown) {
    if (systemCode(thrown) !== 'ENOENT') throw storageError(thrown, 'read', path)
  } finally {
    input.destroy()
  }
}
