import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const CHUNK = 4 * 1024 * 1024

/** Files below the directories that hold any of the needles, with the names of what they hold; every byte is looked at. */
export async function filesWith(
  directories: readonly string[],
  needles: Readonly<Record<string, Uint8Array>>,
): Promise<{ readonly found: readonly string[]; readonly files: number; readonly bytes: number }> {
  const found: string[] = []
  let files = 0
  let bytes = 0
  const longest = Math.max(...Object.values(needles).map(({ length }) => length))
  for (const directory of directories) {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      files += 1
      const names = new Set<string>()
      for await (const window of windows(path, longest)) {
        bytes += window.fresh
        for (const [name, needle] of Object.entries(needles)) {
          if (window.bytes.includes(Buffer.from(needle))) names.add(name)
        }
      }
      for (const name of names) found.push(`${name} in ${path.slice(directory.length + 1)}`)
    }
  }
  return { found, files, bytes }
}

/** Pieces of a file that overlap by the longest needle, so that none is cut in two. */
async function* windows(path: string, overlap: number): AsyncGenerator<{ bytes: Buffer; fresh: number }> {
  const handle = await open(path, 'r')
  try {
    let kept = Buffer.alloc(0)
    for (;;) {
      const chunk = Buffer.alloc(CHUNK)
      const { bytesRead } = await handle.read(chunk, 0, CHUNK)
      if (bytesRead === 0) return
      const bytes = Buffer.concat([kept, chunk.subarray(0, bytesRead)])
      yield { bytes, fresh: bytesRead }
      kept = bytes.subarray(Math.max(0, bytes.length - overlap))
    }
  } finally {
    await handle.close()
  }
}
