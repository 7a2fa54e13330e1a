import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createMetrics, ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import { ChatType, create, type Message, MessageKind, MessageSchema } from '@yizhan/proto'
import { type Engine, type EngineHost, levelHost, type Op } from './engine.js'
import type { Journal, JournalConfig } from './journal.js'
import { type EdgeLedger, type LedgerConfig, type LedgerDeps, openLedger } from './ledger.js'
import { openJournal } from './level-journal.js'

/** Parts that tests of this folder and of its users share: real LevelDB in a temporary directory. */
export async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export interface TestJournal {
  readonly journal: Journal
  readonly clock: ManualClock
  readonly fatal: YizhanError[]
}

export async function openTestJournal(
  t: TestContext,
  dir: string,
  options: Partial<JournalConfig> & { host?: EngineHost; clock?: ManualClock } = {},
): Promise<TestJournal> {
  const { host, clock = new ManualClock(), ...config } = options
  const fatal: YizhanError[] = []
  const deps = { clock, log: silentLogger(), onFatal: (error: YizhanError) => fatal.push(error) }
  const journal = await openJournal(deps, { dir, ballastBytes: 0, minFreeBytes: 0, ...config }, host)
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
    Pick<LedgerDeps, 'keep' | 'offSince'> & { clock?: ManualClock; host?: EngineHost } = {},
): Promise<TestLedger> {
  const { clock, host, keep, offSince = () => 0, ...config } = options
  const opened = await openTestJournal(t, dir, { ...(clock ? { clock } : {}), ...(host ? { host } : {}) })
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

/** LevelDB whose writes can be held and made to fail. */
export interface FaultyHost extends EngineHost {
  /** Thrown by the next writes until it is cleared. */
  fail: YizhanError | undefined
  free: number
  /** Batches that were asked for, with whether an fsync was. */
  readonly writes: { ops: Op[]; sync: boolean }[]
  /** While set, writes wait for it. */
  gate: Promise<void> | undefined
  opens: number
}

export function faultyHost(): FaultyHost {
  const host: FaultyHost = {
    fail: undefined,
    free: 1 << 30,
    writes: [],
    gate: undefined,
    opens: 0,
    freeBytes: async () => host.free,
    async open(dir) {
      if (host.opens > 0 && host.fail) throw host.fail
      host.opens += 1
      const engine = await levelHost.open(dir)
      const faulty: Engine = {
        ...engine,
        async write(ops, sync) {
          host.writes.push({ ops, sync })
          await host.gate
          if (host.fail) throw host.fail
          await engine.write(ops, sync)
        },
      }
      return faulty
    },
  }
  return host
}

export const diskFull = () => new YizhanError('disk_full', 'no space left')
