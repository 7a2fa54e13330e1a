import { join } from 'node:path'
import type { Logger, Sealer } from '@yizhan/kernel'
import type { Scanned } from '../journal.js'
import {
  digestOfKey,
  encodeFrame,
  encodeKeys,
  FRAME_HEADER,
  type JournalHost,
  type LoggedKey,
  openMarkFile,
  SEGMENTS,
  SegmentWriter,
  sealPayloads,
  setAside,
} from '../segments/index.js'
import { findStart, type JournalStart } from './journal-start.js'
import { ageOf } from './keys.js'
import { type Engine, levelHost, openOrQuarantine } from './level-engine.js'
import { scanRecords } from './scan.js'

const STORE = 'store'
const UNFINISHED = `${SEGMENTS}.new`
const DONE = `${STORE}.done`
const KEYS_A_FRAME = 1_000
const MAX_FRAME_BYTES = 1 << 20

export interface TakeOverDeps {
  readonly host: JournalHost
  readonly sealer: Sealer
  readonly clock: { wall(): number }
  readonly log: Logger
}

export interface TakeOverConfig {
  readonly dir: string
  /** How far the head mark knows the old journal to have been. */
  readonly head: number
  readonly segmentBytes: number
}

/**
 * Writes a journal that an older version kept in LevelDB into segments, then deletes it; begins anew after a crash. Positions,
 * ages, epoch, marks and dedupe keys stay. Returns where it went if it could not be read.
 */
export async function takeOverLevel(deps: TakeOverDeps, config: TakeOverConfig): Promise<string | undefined> {
  const { host, clock, log } = deps
  const { dir, head } = config
  for (const name of [UNFINISHED, DONE]) await host.remove(join(dir, name))
  const store = join(dir, STORE)
  if ((await host.list(store)).length === 0) return undefined
  const opened = await openOrQuarantine(levelHost, store, clock.wall(), (engine, isFresh) =>
    findStart(log, engine, isFresh ? 0 : head),
  )
  const { engine, found, quarantined } = opened
  const standing = await epochOf(host, dir)
  try {
    if (standing === undefined) await write(deps, config, engine, found)
  } finally {
    await engine.close()
  }
  if (standing !== undefined && standing !== found.epoch) {
    // An older version ran once more after the first take-over: two journals cannot become one.
    const aside = await setAside(host, dir, STORE, clock.wall())
    log.fatal({ aside }, 'a second journal of an older version was moved aside')
    return quarantined
  }
  await host.rename(store, join(dir, DONE))
  await host.syncDirectory(dir)
  await host.remove(join(dir, DONE))
  return quarantined
}

/** Of the segments, if there are any. */
async function epochOf(host: JournalHost, dir: string): Promise<bigint | undefined> {
  const segments = join(dir, SEGMENTS)
  if ((await host.list(segments)).length === 0) return undefined
  const marks = await openMarkFile(host, join(segments, 'marks'))
  try {
    return (await marks.read())?.epoch ?? 0n
  } finally {
    await marks.close()
  }
}

async function write(
  { host, sealer, log }: TakeOverDeps,
  { dir, segmentBytes }: TakeOverConfig,
  engine: Engine,
  start: JournalStart,
): Promise<void> {
  const to = join(dir, UNFINISHED)
  const { epoch, age, low, settled, next } = start
  await host.makeDirectory(to)
  const config = { dir: to, segmentBytes, preallocate: false, hasRoom: () => false }
  const writer = new SegmentWriter({ host, log }, config, 1)
  const add = async (
    first: number,
    aged: number,
    records: readonly Uint8Array[],
    keys: readonly LoggedKey[],
  ) => {
    const own = encodeKeys(keys)
    const bytes = records.reduce((sum, record) => sum + 4 + record.length, own.length)
    const place = await writer.place(FRAME_HEADER + bytes)
    const payload = { epoch, segment: place.segment, first, age: aged, records }
    const [sealed = Buffer.alloc(0)] = await sealPayloads(sealer, [payload])
    const frame = { first, count: records.length, age: aged, durable: next, keys: own, sealed }
    // Of the time of the take-over: a later start looks for keys in all of them.
    await writer.write(encodeFrame({ epoch, ...place }, frame), { epoch, first, age, low, settled }, false)
  }
  try {
    let records = 0
    for await (const keys of keysIn(engine)) await add(low, keys.at(-1)?.age ?? 0, [], keys)
    for await (const { seq, age: aged, some } of batches(scanRecords(engine, low, next))) {
      await add(seq, aged, some, [])
      records += some.length
    }
    await writer.close({ sync: true })
    const marks = await openMarkFile(host, join(to, 'marks'))
    await marks.write({ epoch, low, settled, age, keysFrom: 0 })
    await marks.close()
    await host.syncDirectory(to)
    await host.rename(to, join(dir, SEGMENTS))
    await host.syncDirectory(dir)
    log.info({ records }, 'the journal of an older version was taken over')
  } catch (thrown) {
    await writer.close({ sync: false })
    await host.remove(to).catch(() => undefined)
    throw thrown
  }
}

async function* keysIn(engine: Engine): AsyncIterable<LoggedKey[]> {
  let keys: LoggedKey[] = []
  for await (const [key, stored] of engine.entries('a', 'b')) {
    const named = new TextDecoder().decode(stored)
    const value = engine.get(named)
    if (!value) continue
    keys.push({
      digest: digestOfKey(named.slice(1)),
      age: ageOf(key),
      value: new TextDecoder().decode(value),
    })
    if (keys.length < KEYS_A_FRAME) continue
    yield keys
    keys = []
  }
  if (keys.length > 0) yield keys
}

/** Runs of records of one age. */
async function* batches(
  scanned: AsyncIterable<Scanned>,
): AsyncIterable<{ readonly seq: number; readonly age: number; readonly some: Uint8Array[] }> {
  let batch: { readonly seq: number; readonly age: number; readonly some: Uint8Array[] } | undefined
  let bytes = 0
  for await (const one of scanned) {
    if (one.kind === 'lost') continue
    const follows =
      batch && batch.age === one.age && batch.seq + batch.some.length === one.seq && bytes < MAX_FRAME_BYTES
    if (!batch || !follows) {
      if (batch) yield batch
      batch = { seq: one.seq, age: one.age, some: [] }
      bytes = 0
    }
    batch.some.push(one.bytes)
    bytes += one.bytes.length
  }
  if (batch) yield batch
}
