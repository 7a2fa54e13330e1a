import { type Clock, type Logger, parseJson, sha256Hex, YizhanError } from '@yizhan/kernel'
import type { EraseCommand } from '@yizhan/proto'
import type { EdgeLedger, Journal, WhoseAccount } from '../ledger/index.js'
import type { ConsentBook } from './consent-book.js'
import { identityDigest, type Person } from './person.js'
import type { ReportOutbox } from './report-outbox.js'
import type { SealedRecords } from './sealed-records.js'

export interface EraserDeps {
  readonly records: SealedRecords
  readonly consents: ConsentBook
  readonly outbox: ReportOutbox
  readonly ledger: Pick<EdgeLedger, 'erase'>
  readonly journal: Pick<Journal, 'dropQuarantined'>
  /** Turns at work; they may stand later than the link. */
  readonly turns: Promise<{ forget(whose: WhoseAccount): Promise<number> }>
  readonly clock: Pick<Clock, 'wall'>
  readonly log: Logger
}

/** What an erasure found here. */
export interface ErasedHere {
  /** Turns with anything of the person in them, and their records. */
  readonly turns: number
  readonly records: number
  /** Of the turns: those that ran or waited, and were ended. */
  readonly ended: number
  readonly consents: number
  /** Reports that the center had not got yet. */
  readonly reports: number
  /** Damaged journals that were moved aside: nobody could tell what they hold. */
  readonly quarantined: number
}

const PREFIX = 'e'
const MAX_IDENTITIES = 1_000
const DIGEST_BYTES = 32
const ERASURE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
/** What came in while it was erased is erased too, but not for ever. */
const MAX_ROUNDS = 5

/** Takes persons out of everything that this edge keeps, so that they are in no file of it. One erasure at a time. */
export class Eraser {
  readonly #deps: EraserDeps
  #last: Promise<unknown> = Promise.resolve()

  constructor(deps: EraserDeps) {
    this.#deps = deps
  }

  /**
   * The person of the command. Carried out once for an erasure and its accounts: asked again, it tells what it told.
   * `invalid_argument` for a command that makes no sense.
   */
  erase(command: EraseCommand, signal: AbortSignal): Promise<ErasedHere> {
    const { tenantId, erasureId, salt, identityDigests } = command
    const problem = problemOf(command)
    if (problem !== undefined) return Promise.reject(new YizhanError('invalid_argument', problem))
    const wanted = new Set(identityDigests.map((digest) => Buffer.from(digest).toString('hex')))
    const key = `${PREFIX}${erasureId}.${sha256Hex([Buffer.from(salt).toString('hex'), ...wanted].join(' '))}`
    return this.#inOrder(async () => {
      const { records, clock, log } = this.#deps
      const known = await records.get(key)
      if (known) return parseJson(Buffer.from(known).toString()) as ErasedHere
      const erased = await this.#erase(whoseDigest(tenantId, salt, wanted), signal)
      await records.write([{ key, value: Buffer.from(JSON.stringify({ ...erased, at: clock.wall() })) }])
      log.info({ erasure: erasureId, tenant: tenantId, ...erased }, 'a person was erased')
      return erased
    })
  }

  /** Every person there is. */
  eraseAll(signal: AbortSignal): Promise<ErasedHere> {
    return this.#inOrder(() => this.#erase(() => true, signal))
  }

  async #erase(whose: WhoseAccount, signal: AbortSignal): Promise<ErasedHere> {
    const { ledger, journal, records } = this.#deps
    const turns = await this.#deps.turns
    let ended = 0
    const found = { turns: 0, records: 0 }
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const open = await turns.forget(whose)
      if (round > 0 && open === 0) break
      ended += open
      const emptied = await ledger.erase(whose, signal)
      found.turns += emptied.turns
      found.records += emptied.records
    }
    const { consents, reports } = await this.#forgetRecords(whose)
    const quarantined = await journal.dropQuarantined()
    await records.compact()
    return { ...found, ended, consents, reports, quarantined }
  }

  async #forgetRecords(whose: WhoseAccount) {
    const { consents, outbox, records } = this.#deps
    const isTheirs = ({ tenant, channel, sender }: Person) => whose(tenant, channel, sender)
    const keys: string[] = []
    for await (const person of consents.persons()) if (isTheirs(person)) keys.push(person.key)
    const reporters = new Set(
      outbox
        .senders()
        .filter(isTheirs)
        .map(({ key }) => key),
    )
    const gone = outbox.toForget(reporters)
    await records.write([...consents.toForget(keys), ...gone])
    consents.forgotten(keys)
    outbox.forgotten(reporters)
    return { consents: keys.length, reports: gone.length }
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

function problemOf({ tenantId, erasureId, identityDigests }: EraseCommand): string | undefined {
  if (tenantId === '') return 'the erasure names no tenant'
  if (!ERASURE_ID.test(erasureId)) return 'the erasure has no id'
  if (identityDigests.length > MAX_IDENTITIES) return `the erasure names more than ${MAX_IDENTITIES} accounts`
  const isDigest = (digest: Uint8Array) => digest.length === DIGEST_BYTES
  return identityDigests.every(isDigest) ? undefined : 'an account of the erasure is no SM3 digest'
}

/** Each account is digested once, however many turns it has. */
function whoseDigest(tenant: string, salt: Uint8Array, wanted: ReadonlySet<string>): WhoseAccount {
  const known = new Map<string, boolean>()
  return (ofTenant, channel, sender) => {
    if (ofTenant !== tenant) return false
    const account = JSON.stringify([channel, sender])
    const before = known.get(account)
    if (before !== undefined) return before
    const is = wanted.has(identityDigest(salt, { tenant, channel, sender }))
    known.set(account, is)
    return is
  }
}
