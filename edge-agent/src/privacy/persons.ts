import { createHmac, createSecretKey } from 'node:crypto'
import type { Clock, Logger, Sealer } from '@yizhan/kernel'
import { ConsentBook } from './consent-book.js'
import { ReportOutbox } from './report-outbox.js'
import { SealedRecords } from './sealed-records.js'

export interface PersonsDeps {
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Logger
  /** 32 bytes, the same for the life of this edge. */
  readonly secret: Uint8Array
}

/** What an edge keeps of persons beside their turns. */
export interface Persons {
  readonly records: SealedRecords
  readonly consents: ConsentBook
  readonly outbox: ReportOutbox
  /** Stands for a text that may name somebody. */
  digest(text: string): string
  close(): Promise<void>
}

export async function openPersons(
  { sealer, clock, log, secret }: PersonsDeps,
  dir: string,
): Promise<Persons> {
  const records = await SealedRecords.open({ sealer, log, wall: clock.wall() }, dir)
  const outbox = await ReportOutbox.open({ records, clock, log }).catch(async (thrown: unknown) => {
    await records.close()
    throw thrown
  })
  const digestKey = createSecretKey(secret)
  return {
    records,
    outbox,
    consents: new ConsentBook({ records, outbox, clock, secret }),
    digest: (text) => createHmac('sm3', digestKey).update(text).digest('hex'),
    close: () => records.close(),
  }
}
