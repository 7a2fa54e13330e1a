import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Clock, createSealer, type DataKey, silentLogger } from '@yizhan/kernel'
import { ConsentBook } from './consent-book.js'
import { ReportOutbox } from './report-outbox.js'
import { SealedRecords } from './sealed-records.js'

const key: DataKey = { id: Buffer.alloc(8, 1), secret: Buffer.alloc(32, 2) }

/** For tests: seals with one key, the same for all. */
export const testSealer = createSealer({ keyring: { sealingKey: () => key, openingKey: () => key } })
export const TEST_SECRET: Uint8Array = Buffer.alloc(32, 3)

export interface TestPrivacy {
  readonly records: SealedRecords
  readonly outbox: ReportOutbox
  readonly consents: ConsentBook
}

/** What an edge keeps of persons, in `dir`; closed with the test. */
export async function openTestPrivacy(t: TestContext, dir: string, clock: Clock): Promise<TestPrivacy> {
  const log = silentLogger()
  const records = await SealedRecords.open({ sealer: testSealer, log, wall: clock.wall() }, dir)
  t.after(() => records.close())
  const outbox = await ReportOutbox.open({ records, clock, log })
  return { records, outbox, consents: new ConsentBook({ records, outbox, clock, secret: TEST_SECRET }) }
}

/** The files under `dir` that hold `text`, by path. */
export async function filesWith(dir: string, text: string): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    if ((await readFile(path)).includes(text)) found.push(path)
    // A message lies in the journal as base64 of its bytes, whose letters depend on where it begins.
    else if ((await readFile(path, 'latin1')).match(/[A-Za-z0-9+/=]{16,}/g)?.some((run) => holds(run, text)))
      found.push(path)
  }
  return found
}

function holds(base64: string, text: string): boolean {
  return [0, 1, 2, 3].some((skip) => Buffer.from(base64.slice(skip), 'base64').includes(text))
}
