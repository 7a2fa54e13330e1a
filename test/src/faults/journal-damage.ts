import { open, readdir, readFile, stat, truncate } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { filesUnder } from './state-files.js'

/** Random bytes that hold space, no record. */
const NO_RECORDS = new Set(['ballast', 'LOCK', 'LOG', 'LOG.old'])

/** The files of a journal that say something, whatever its format. */
async function journalFiles(state: string): Promise<string[]> {
  const files = await filesUnder(join(state, 'journal'))
  return [...files]
    .filter(([path, size]) => size > 0 && !NO_RECORDS.has(basename(path)))
    .map(([path]) => path)
}

/** The file that holds the most, less the zeroes after it: where that ends. */
async function largest(state: string): Promise<{ path: string; end: number }> {
  const ends = await Promise.all(
    (await journalFiles(state)).map(async (path) => ({ path, end: endOf(await readFile(path)) })),
  )
  const found = ends.sort((a, b) => b.end - a.end)[0]
  if (!found) throw new Error('the journal has no file')
  return found
}

/** Where the content of a file ends that was made in advance. */
function endOf(content: Buffer): number {
  let end = content.length
  while (end > 0 && content[end - 1] === 0) end -= 1
  return end
}

/** Flips one bit in the middle half of what the journal holds. */
export async function flipBit(state: string, random: () => number): Promise<void> {
  const { path, end } = await largest(state)
  const at = Math.floor(end / 4 + (random() * end) / 2)
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, at)
    await file.write(Buffer.of((byte[0] ?? 0) ^ (1 << Math.floor(random() * 8))), 0, 1, at)
  } finally {
    await file.close()
  }
}

/** Takes the last bytes off what was written last. */
export async function tearTail(state: string, bytes: number): Promise<void> {
  const { path, end } = await largest(state)
  const { size } = await stat(path)
  await truncate(path, end - bytes)
  // What was made in advance stays as long as it was.
  if (size > end) await truncate(path, size)
}

/** Overwrites the beginning of every file: headers, markers, manifests. Resolves with how many. */
export async function ruinHeads(state: string, bytes: number): Promise<number> {
  const files = await journalFiles(state)
  for (const path of files) {
    const file = await open(path, 'r+')
    try {
      await file.write(Buffer.alloc(bytes, 0x5a), 0, bytes, 0)
    } finally {
      await file.close()
    }
  }
  return files.length
}

/** Directories or files that were moved aside because they could not be read. */
export async function quarantined(state: string): Promise<string[]> {
  const names = await readdir(join(state, 'journal'), { recursive: true })
  return names.map(String).filter((name) => /quarantine[^/]*$/.test(name))
}
