import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { openJournal } from '@yizhan/edge-agent'
import { createSealer, fileKek, openKeyStore, silentLogger, systemClock } from '@yizhan/kernel'

/** Where an edge holds one of the texts: files that have it as it is, and records of its journal when they are unsealed. */
export async function heldBy(state: string, ...texts: string[]): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = await readFile(join(entry.parentPath, entry.name))
    found.push(...texts.filter((text) => bytes.includes(text)).map((text) => `${text} in ${entry.name}`))
  }
  for (const record of await recordsOf(state)) {
    // A message lies in a record as base64 of its bytes, whose letters depend on where it begins.
    const runs = record.toString('latin1').match(/[A-Za-z0-9+/=]{16,}/g) ?? []
    const decoded = runs.flatMap((run) => [0, 1, 2, 3].map((skip) => Buffer.from(run.slice(skip), 'base64')))
    for (const text of texts) {
      if ([record, ...decoded].some((bytes) => bytes.includes(text))) found.push(`${text} in a record`)
    }
  }
  return found
}

/** Opens a copy, with the edge's own keys: the edge runs on. */
async function recordsOf(state: string): Promise<Buffer[]> {
  const dir = await mkdtemp(join(tmpdir(), 'yz-copy-'))
  const log = silentLogger()
  const clock = systemClock
  try {
    for (const name of ['keys', 'kek', 'journal']) {
      const isFile = (path: string) => !basename(path).startsWith('lock.')
      await cp(join(state, name), join(dir, name), { recursive: true, filter: isFile })
    }
    const keysDir = join(dir, 'keys')
    const kek = await fileKek(join(dir, 'kek'), { mayCreate: false })
    const keys = await openKeyStore({ kek, log, clock }, { dir: keysDir })
    const onFatal = (error: Error) => {
      throw error
    }
    const sealer = createSealer({ keyring: keys })
    const journal = await openJournal({ clock, log, sealer, onFatal }, { dir: join(dir, 'journal') })
    const records: Buffer[] = []
    for await (const one of journal.scan(0)) if (one.kind === 'record') records.push(Buffer.from(one.bytes))
    await journal.close()
    await keys.close()
    return records
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
