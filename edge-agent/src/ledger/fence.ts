import { join } from 'node:path'
import { readFileIfExists, writeFileAtomic } from '@yizhan/kernel'
import { type JournalHost, openMarkFile, SEGMENTS, setAside } from './segments/index.js'

const FILE = 'fenced'

/** Durably notes that the journal of this epoch counts no more: the center has taken its turns over. */
export async function noteFence(dir: string, epoch: bigint): Promise<void> {
  await writeFileAtomic(join(dir, FILE), epoch.toString(16))
}

/** Moves a journal that counts no more aside, once; where to. Nothing happens to a journal of another epoch. */
export async function setFencedAside(
  host: JournalHost,
  dir: string,
  wallMs: number,
): Promise<string | undefined> {
  const fenced = await readFileIfExists(join(dir, FILE))
  if (!fenced) return undefined
  const aside =
    fenced.toString() === (await epochIn(host, dir)) ? await setAside(host, dir, SEGMENTS, wallMs) : undefined
  await host.remove(join(dir, FILE))
  return aside
}

async function epochIn(host: JournalHost, dir: string): Promise<string | undefined> {
  if ((await host.list(join(dir, SEGMENTS))).length === 0) return undefined
  const marks = await openMarkFile(host, join(dir, SEGMENTS, 'marks'))
  try {
    return (await marks.read())?.epoch.toString(16)
  } finally {
    await marks.close()
  }
}
