import { join } from 'node:path'
import { openStateDir, YizhanError } from '@yizhan/kernel'
import { createBallast } from './ballast.js'
import { setFencedAside } from './fence.js'
import type { Journal, JournalConfig, JournalDeps } from './journal.js'
import { createJournalMetrics, type JournalMetrics } from './journal-metrics.js'
import { takeOverLevel } from './level/index.js'
import { Room } from './room.js'
import { SegmentJournal } from './segment-journal.js'
import {
  DedupeKeys,
  type HeadMark,
  type JournalHost,
  type MarkFile,
  openHeadMark,
  openMarkFile,
  openSegments,
  SEGMENTS,
  SegmentWriter,
  type Start,
  setAside,
  systemHost,
} from './segments/index.js'

const MiB = 1 << 20
/** Dedupe keys that are dropped between two warnings. */
const LOG_EACH = 100_000

const DEFAULTS = {
  minFreeBytes: 32 * MiB,
  ballastBytes: 8 * MiB,
  maxBytes: 1_024 * MiB,
  maxRecords: 4_000_000,
  maxDedupeKeys: 1_000_000,
  segmentBytes: 4 * MiB,
  preallocate: true,
}

type Settings = Required<JournalConfig>

/**
 * Opens the journal in `dir` (segments, head mark, ballast) or makes one; a journal of an older version is taken over.
 * One process at a time, else `failed_precondition`. One that cannot be read is moved aside (`quarantined`).
 */
export async function openJournal(
  deps: JournalDeps,
  config: JournalConfig,
  host: JournalHost = systemHost,
): Promise<Journal> {
  const settings: Settings = { ...DEFAULTS, ...config }
  const own = await openStateDir({ log: deps.log }, settings.dir)
  const unlock = () => own.stop('the journal is closed')
  try {
    return await openOwned(deps, settings, host, unlock)
  } catch (thrown) {
    await unlock()
    throw thrown
  }
}

async function openOwned(
  deps: JournalDeps,
  settings: Settings,
  host: JournalHost,
  unlock: () => Promise<void>,
): Promise<Journal> {
  const { dir, ballastBytes, segmentBytes, preallocate } = settings
  const { clock, log } = deps
  const ballast = createBallast(join(dir, 'ballast'), ballastBytes)
  const room = new Room({ host, ballast, clock, log }, settings)
  const counts = createJournalMetrics(deps.metrics)
  const read = () => readJournal({ ...deps, host, counts }, settings)
  const found = await read().catch(async (thrown: unknown) => {
    const full = thrown instanceof YizhanError && thrown.code === 'disk_full'
    if (!full || !(await ballast.drop())) throw thrown
    return read()
  })
  try {
    await room.look()
  } catch (thrown) {
    await found.head.close()
    await found.marks.close()
    throw thrown
  }
  const hasRoom = () => room.hasFor(2 * segmentBytes)
  const writerConfig = { dir: join(dir, SEGMENTS), segmentBytes, preallocate, hasRoom }
  const writer = new SegmentWriter({ host, log }, writerConfig, found.start.nextIndex)
  const parts = { ...deps, ...found, host, room, writer, counts, unlock }
  return new SegmentJournal(parts, settings, found.start, found.quarantined)
}

interface ReadDeps extends JournalDeps {
  readonly host: JournalHost
  readonly counts: JournalMetrics
}

interface Content {
  readonly marks: MarkFile
  readonly keys: DedupeKeys
  readonly start: Start
}

async function readJournal(
  deps: ReadDeps,
  settings: Settings,
): Promise<Content & { readonly head: HeadMark; readonly quarantined: string | undefined }> {
  const { host, log, clock } = deps
  const { dir } = settings
  const head = await openHeadMark(host, join(dir, 'head'), (thrown) => {
    log.warn({ err: thrown }, 'the head mark could not be written')
  })
  try {
    const known = await head.read()
    const fenced = await setFencedAside(host, dir, clock.wall())
    if (fenced !== undefined)
      log.fatal({ fenced }, 'the turns of this journal were taken over; a new one was started')
    let quarantined = fenced ?? (await takeOverLevel(deps, { ...settings, head: known }))
    const content = await readContent(deps, settings, quarantined === undefined ? known : 0).catch(
      async (thrown: unknown) => {
        if (!(thrown instanceof YizhanError) || thrown.code !== 'data_corrupt') throw thrown
        quarantined = await setAside(host, dir, SEGMENTS, clock.wall())
        return readContent(deps, settings, 0)
      },
    )
    // All that was found is synced; a loss at the end must be told again after a power cut. Of what was moved aside the
    // mark says nothing about its successor.
    await head.keep(content.start.next - 1)
    if (quarantined !== undefined && fenced === undefined) {
      log.fatal({ quarantined }, 'the journal could not be read; a new one was started')
    }
    return { ...content, head, quarantined }
  } catch (thrown) {
    await head.close()
    throw thrown
  }
}

async function readContent(deps: ReadDeps, settings: Settings, head: number): Promise<Content> {
  const { host, log } = deps
  const dir = join(settings.dir, SEGMENTS)
  const keys = createKeys(deps, settings.maxDedupeKeys)
  await host.list(dir)
  await host.makeDirectory(dir)
  const marks = await openMarkFile(host, join(dir, 'marks'))
  try {
    const known = await marks.read()
    const start = await openSegments({ host, log, keys }, dir, known, head)
    // Also mends the place that a crash or a flipped bit has spoiled.
    await marks.write(start)
    if (!known) {
      await host.syncDirectory(dir)
      await host.syncDirectory(settings.dir)
    }
    return { marks, keys, start }
  } catch (thrown) {
    await marks.close()
    throw thrown
  }
}

function createKeys({ log, counts }: ReadDeps, max: number): DedupeKeys {
  let dropped = 0
  return new DedupeKeys(max, () => {
    counts.keyDropped()
    if (dropped % LOG_EACH === 0) log.warn({ max, dropped }, 'too many dedupe keys: the oldest go early')
    dropped += 1
  })
}
