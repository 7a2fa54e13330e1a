import { open, readdir, readFile, stat, truncate } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { filesUnder } from './state-files.js'

/** They say how far the rest goes, and hold no record. */
const MARKS = new Set(['head', 'marks'])
const HEADER_BYTES = 64

/** The files of a journal that say something, by name. */
async function journalFiles(state: string): Promise<string[]> {
  const files = await filesUnder(join(state, 'journal'))
  return [...files]
    .filter(([path, size]) => size > 0 && basename(path) !== 'ballast')
    .map(([path]) => path)
    .sort()
}

/** The last segment that holds more than a header, and where its content ends: what follows was made in advance. */
async function lastSegment(state: string): Promise<{ path: string; end: number }> {
  const files = (await journalFiles(state)).filter((path) => !MARKS.has(basename(path)))
  const ends = await Promise.all(files.map(async (path) => ({ path, end: endOf(await readFile(path)) })))
  const found = ends.findLast(({ end }) => end > HEADER_BYTES)
  if (!found) throw new Error('the journal has no record')
  return found
}

function endOf(content: Buffer): number {
  let end = content.length
  while (end > 0 && content[end - 1] === 0) end -= 1
  return end
}

/** Flips one bit in the middle half of what the last segment holds. */
export async function flipBit(state: string, random: () => number): Promise<void> {
  const { path, end } = await lastSegment(state)
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
  const { path, end } = await lastSegment(state)
  const { size } = await stat(path)
  await truncate(path, end - bytes)
  // What was made in advance stays as long as it was.
  if (size > end) await truncate(path, size)
}

/** Overwrites every mark, and the header of every segment. Resolves with how many files. */
export async function ruinHeads(state: string): Promise<number> {
  const files = await journalFiles(state)
  for (const path of files) {
    const file = await open(path, 'r+')
    try {
      const bytes = MARKS.has(basename(path)) ? (await file.stat()).size : HEADER_BYTES
      await file.write(Buffer.alloc(bytes, 0x5a), 0, bytes, 0)
    } finally {
      await file.close()
    }
  }
  return files.length
}

/** What was moved aside because it could not be read. */
export async function quarantined(state: string): Promise<string[]> {
  const names = await readdir(join(state, 'journal'), { recursive: true })
  return names.map(String).filter((name) => /quarantine[^/]*$/.test(name))
}
