import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KILLS, Lives, seeded, slowMachine } from './lives.js'

const CHILD = fileURLToPath(new URL('./move-child.js', import.meta.url))
const RECORDS = 61

interface Found {
  readonly last: number
  readonly step: string
  readonly unsettled: number
  readonly place: string
  readonly keys: Readonly<Record<string, number>>
  readonly wrong: readonly string[]
  readonly records: number
  /** The child found nothing and began. */
  readonly first: boolean
}

type Line = Partial<Found> & { readonly n?: number; readonly moved?: boolean }

interface Way {
  readonly sealing: 'plain' | 'sealed'
  /** Settings of PostgreSQL, to move there and back in place of a second shard. Undefined: the test skips itself. */
  readonly postgres?: (t: TestContext) => Promise<unknown>
}

/** Kills a process that moves a tenant to and fro, at every step of the move. */
export function killedMoves({ sealing, postgres }: Way): void {
  const places = postgres ? 'level and PostgreSQL' : 'two shards'
  test(`${places}, ${sealing}: a tenant whose move is killed -9 is whole, in one place and with every acknowledged batch, ${KILLS} times`, async (t) => {
    const settings = await postgres?.(t)
    if (postgres && settings === undefined) return
    const dir = await mkdtemp(join(tmpdir(), 'yizhan-killed-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const lives = new Lives(CHILD, [
      dir,
      sealing,
      ...(settings === undefined ? [] : [JSON.stringify(settings)]),
    ])
    t.after(() => lives.end())
    const seed = Date.now() % 1_000_000
    const random = seeded(seed)
    const figures = { kills: 0, acked: 0, moves: 0, lost: 0, beforeItOpened: 0, twoPlaces: 0 }
    const steps: Record<string, number> = {}
    const wrong: unknown[] = []
    let acked = 0
    const life = (lines: readonly Line[]) => {
      figures.kills += 1
      const found = lines.find((line): line is Found => line.keys !== undefined)
      if (found) {
        steps[found.step] = (steps[found.step] ?? 0) + 1
        figures.lost += Math.max(0, acked - found.last)
        if (found.last > acked + 1) wrong.push({ last: found.last, acked })
        const holding = Object.keys(found.keys).filter((place) => found.keys[place] !== 0)
        if (holding.join() !== found.place && !found.first) figures.twoPlaces += 1
        if (found.wrong.length > 0 || found.unsettled > 0 || found.records !== RECORDS) wrong.push(found)
        acked = found.last
      } else figures.beforeItOpened += 1
      for (const { n, moved } of lines) {
        if (n !== undefined) acked = Math.max(acked, n)
        figures.acked += n === undefined ? 0 : 1
        figures.moves += moved ? 1 : 0
      }
    }
    const tooSlow = slowMachine()
    while (figures.kills < KILLS && !tooSlow()) {
      // A move says a step at a time; the kill comes with one of them, or some milliseconds later.
      const step = 1 + Math.floor(random() * 12)
      const laterMs = random() < 0.5 ? 0 : random() * 20
      const whileItOpens = random() < 0.1
      life(
        (await lives.live(
          whileItOpens ? { atMs: random() * 200 } : { enough: (_line, count) => count > step, laterMs },
        )) as readonly Line[],
      )
    }
    life((await lives.live({ enough: (line) => (line as Line).keys !== undefined })) as readonly Line[])
    t.diagnostic(
      `seed ${seed}: ${JSON.stringify({ ...figures, wrong: wrong.length })}, found in ${JSON.stringify(steps)}`,
    )
    assert.deepEqual(wrong, [])
    assert.deepEqual({ lost: figures.lost, twoPlaces: figures.twoPlaces }, { lost: 0, twoPlaces: 0 })
    assert.ok(figures.moves > 0)
    assert.ok(figures.kills >= KILLS / 2, 'the machine is too slow for this test')
    // Otherwise the kills did not come where they should.
    assert.ok((steps.copying ?? 0) > 0 && Object.keys(steps).length >= 3, JSON.stringify(steps))
  })
}
