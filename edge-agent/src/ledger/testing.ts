import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  createMetrics,
  type DiskFile,
  type Logger,
  ManualClock,
  type Metrics,
  plainSealer,
  type Sealer,
  silentLogger,
  YizhanError,
} from '@yizhan/kernel'
import { ChatType, create, type Message, MessageKind, MessageSchema } from '@yizhan/proto'
import type { Journal, JournalConfig } from './journal.js'
import { type EdgeLedger, type LedgerConfig, type LedgerDeps, openLedger } from './ledger.js'
import { openJournal } from './open-journal.js'
import {
  decodeSegmentHeader,
  encodeFrame,
  type JournalHost,
  openPayloads,
  SEGMENT_HEADER,
  SEGMENTS,
  sealPayloads,
  systemHost,
  walkFrames,
} from './segments/index.js'

/** Parts that tests of this folder and of its users share: real files in a temporary directory, not sealed. */
export async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-'))
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

export interface TestJournal {
  readonly journal: Journal
  readonly clock: ManualClock
  readonly fatal: YizhanError[]
}

interface TestJournalParts {
  readonly host?: JournalHost
  readonly clock?: ManualClock
  readonly sealer?: Sealer
  readonly log?: Logger
  readonly metrics?: Metrics
}

export async function openTestJournal(
  t: TestContext,
  dir: string,
  options: Partial<JournalConfig> & TestJournalParts = {},
): Promise<TestJournal> {
  const {
    host,
    clock = new ManualClock(),
    sealer = plainSealer,
    log = silentLogger(),
    metrics,
    ...config
  } = options
  const fatal: YizhanError[] = []
  const onFatal = (error: YizhanError) => fatal.push(error)
  const deps = { clock, log, sealer, onFatal, ...(metrics ? { metrics } : {}) }
  // Nothing is written in the background while a test takes its directory away.
  const small = { ballastBytes: 0, minFreeBytes: 0, segmentBytes: 64 << 10, preallocate: false }
  const journal = await openJournal(deps, { dir, ...small, ...config }, host)
  t.after(() => journal.close())
  return { journal, clock, fatal }
}

export interface TestLedger extends TestJournal {
  readonly ledger: EdgeLedger
  /** Ends as a killed process would: nothing is written any more. */
  kill(): Promise<void>
}

export async function openTestLedger(
  t: TestContext,
  dir: string,
  options: LedgerConfig &
    Pick<LedgerDeps, 'keep' | 'offSince'> &
    Pick<JournalConfig, 'maxRecords'> & { clock?: ManualClock; host?: JournalHost } = {},
): Promise<TestLedger> {
  const { clock, host, keep, maxRecords, offSince = () => 0, ...config } = options
  const opened = await openTestJournal(t, dir, {
    ...(clock ? { clock } : {}),
    ...(host ? { host } : {}),
    ...(maxRecords === undefined ? {} : { maxRecords }),
  })
  const deps = {
    ...opened,
    log: silentLogger(),
    metrics: createMetrics(),
    offSince,
    ...(keep ? { keep } : {}),
  }
  const ledger = await openLedger(deps, config)
  return { ...opened, ledger, kill: () => opened.journal.close() }
}

let count = 0

/** A text message of tenant acme; each call has its own platform id. */
export function textMessage(text: string, fields: Partial<Omit<Message, '$typeName'>> = {}): Message {
  count += 1
  return create(MessageSchema, {
    tenantId: 'acme',
    channelId: 'web',
    conversationId: 'acme/web/room-1',
    chatType: ChatType.DIRECT,
    mentioned: true,
    sender: { id: 'u1', name: 'Li Lei' },
    kind: MessageKind.TEXT,
    text,
    platformId: `p${count}`,
    ...fields,
  })
}

/** A file system whose writes to segments can be held and made to fail, half of them written. */
export interface FaultyHost extends JournalHost {
  /** Thrown by the next writes until it is cleared. */
  fail: Error | undefined
  /** Thrown by the next syncs. */
  failSync: Error | undefined
  free: number
  /** What was written to segments, without the zeroes ahead, and whether it was synced since. */
  readonly writes: { readonly bytes: Uint8Array; sync: boolean }[]
  /** While set, writes wait for it. */
  gate: Promise<void> | undefined
}

export function faultyHost(): FaultyHost {
  const host: FaultyHost = {
    ...systemHost,
    fail: undefined,
    failSync: undefined,
    free: 1 << 30,
    writes: [],
    gate: undefined,
    freeBytes: async () => host.free,
    async open(path, flags) {
      const file = await systemHost.open(path, flags)
      return path.includes('.seg') ? faultyFile(host, file) : file
    },
  }
  return host
}

function faultyFile(host: FaultyHost, file: DiskFile): DiskFile {
  const write = async (bytes: Uint8Array, offset: number, length: number, position: number) => {
    const part = Uint8Array.from(bytes.subarray(offset, offset + length))
    // Room ahead is not held.
    if (part[0] === 0) return file.write(part, 0, length, position)
    host.writes.push({ bytes: part, sync: false })
    await host.gate
    if (!host.fail) return file.write(part, 0, length, position)
    await file.write(part, 0, length >> 1, position)
    throw host.fail
  }
  return {
    write: write as unknown as DiskFile['write'],
    async datasync() {
      if (host.failSync) throw host.failSync
      await file.datasync()
      for (const one of host.writes) one.sync = true
    },
    read: file.read.bind(file) as DiskFile['read'],
    truncate: (length) => file.truncate(length),
    stat: file.stat.bind(file) as DiskFile['stat'],
    close: () => file.close(),
  }
}

export const diskFull = () => new YizhanError('disk_full', 'no space left')

/** Numbers from 0, below 1, that look random and are the same for the same seed (Park and Miller). */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

export const bytes = (text: string): Uint8Array => Buffer.from(text)

/** What a scan finds, as `1 text` and `lost 2-3`. */
export async function contents(journal: Journal, from = 1): Promise<string[]> {
  const found: string[] = []
  for await (const item of journal.scan(from)) {
    const isLost = item.kind === 'lost'
    found.push(isLost ? `lost ${item.from}-${item.to}` : `${item.seq} ${Buffer.from(item.bytes)}`)
  }
  return found
}

/** The segment files of a journal in `dir`, oldest first. */
export async function segmentFiles(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, SEGMENTS))
  return names.filter((name) => name.endsWith('.seg')).map((name) => join(dir, SEGMENTS, name))
}

/** Takes records out of a closed journal whose sealer is the plain one, as damage would. */
export async function loseRecords(dir: string, ...seqs: number[]): Promise<void> {
  for (const path of await segmentFiles(dir)) {
    const bytes = await readFile(path)
    const header = decodeSegmentHeader(bytes)
    if (!header) continue
    const { epoch, index: segment } = header
    const { frames } = walkFrames(bytes, epoch, segment)
    const opened = await openPayloads(plainSealer, { epoch, segment }, frames)
    const out: Buffer[] = [bytes.subarray(0, SEGMENT_HEADER)]
    let offset = SEGMENT_HEADER
    for (const [i, { first: from, age, durable, keys }] of frames.entries()) {
      for (const [n, record] of (opened[i] ?? []).entries()) {
        const first = from + n
        if (seqs.includes(first)) continue
        const [sealed = Buffer.alloc(0)] = await sealPayloads(plainSealer, [
          { epoch, segment, first, age, records: [record] },
        ])
        const own = n === 0 ? keys : Buffer.alloc(0)
        out.push(
          encodeFrame({ epoch, segment, offset }, { first, count: 1, age, durable, keys: own, sealed }),
        )
        offset += out.at(-1)?.length ?? 0
      }
    }
    await writeFile(path, Buffer.concat(out))
  }
}
