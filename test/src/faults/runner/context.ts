import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seeded } from '../lives.js'
import { startStation } from '../station.js'
import type { CaseContext, Length } from './case.js'

/** The context of one case, and `end`, which undoes what it has set up, last one first. */
export async function openContext(options: {
  readonly length: Length
  readonly seed: number
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}): Promise<{ context: CaseContext; end(): Promise<void> }> {
  const { length, seed, signal, say } = options
  const dir = await mkdtemp(join(tmpdir(), 'yz-fault-'))
  const ends: (() => unknown)[] = [() => rm(dir, { recursive: true, force: true, maxRetries: 3 })]
  const context: CaseContext = {
    length,
    signal,
    dir,
    random: seeded(seed),
    pick: (scaled, full, quick = scaled) => ({ scaled, full, quick })[length],
    say,
    after: (fn) => void ends.push(fn),
    station: (station) => startStation(context, station),
  }
  return {
    context,
    async end() {
      const failures: unknown[] = []
      for (const undo of ends.reverse()) {
        try {
          await undo()
        } catch (thrown) {
          failures.push(thrown)
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, 'the case could not be cleaned up')
    },
  }
}
