import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KILLS, Lives, seeded, slowMachine } from './lives.js'

const CHILD = fileURLToPath(new URL('./rotation-child.js', import.meta.url))

interface Found {
  readonly rounds: readonly number[]
  readonly wrong: readonly string[]
}
type Said = { readonly i: number; readonly round: number } | { readonly rotated: 'tenant' | 'kek' }

/** `postgres`: the settings of an engine there that holds everything; undefined from it: the test was skipped. */
export function killedRotation(postgres?: (t: TestContext) => Promise<unknown>): void {
  const engine = postgres ? 'PostgreSQL' : 'LevelDB'
  test(`${engine}: keys rotated and records sealed anew under kill -9, ${KILLS} times: every record opens, none is lost`, async (t) => {
    const settings = await postgres?.(t)
    if (postgres && settings === undefined) return
    const root = await mkdtemp(join(tmpdir(), 'yizhan-rotated-'))
    t.after(() => rm(root, { recursive: true, force: true }))
    const lives = new Lives(CHILD, [
      join(root, 'center'),
      ...(settings === undefined ? [] : [JSON.stringify(settings)]),
    ])
    t.after(() => lives.end())
    const seed = Date.now() % 1_000_000
    const random = seeded(seed)
    const figures = { kills: 0, acked: 0, lost: 0, tenantRotations: 0, kekRotations: 0, insideRotation: 0 }
    const wrong: unknown[] = []
    const acked: number[] = []
    const tooSlow = slowMachine()
    const hold = ([first, ...rest]: readonly unknown[]) => {
      figures.kills += 1
      if (first === undefined) return
      const found = first as Found
      for (const [i, round] of found.rounds.entries()) {
        const known = acked[i] ?? 0
        if (round < known) figures.lost += 1
        // One write may be durable without its answer.
        if (round > known + 1) wrong.push({ i, round, known })
        acked[i] = round
      }
      wrong.push(...found.wrong)
      for (const said of rest as readonly Said[]) {
        if ('i' in said) {
          acked[said.i] = said.round
          figures.acked += 1
        } else if (said.rotated === 'tenant') figures.tenantRotations += 1
        else figures.kekRotations += 1
      }
      if (rest.length > 0 && 'i' in (rest.at(-1) as Said)) figures.insideRotation += 1
    }
    while (figures.kills < KILLS && !tooSlow()) {
      const lines = 1 + Math.floor(random() * 12)
      hold(await lives.live({ enough: (_line, count) => count > lines, laterMs: random() * 12 }))
    }
    hold(await lives.live({ enough: () => true }))
    t.diagnostic(`seed ${seed}: ${JSON.stringify({ ...figures, wrong: wrong.length })}`)
    assert.deepEqual(wrong, [])
    assert.equal(figures.lost, 0)
    assert.ok(figures.tenantRotations > KILLS / 10 && figures.kekRotations > KILLS / 40)
    assert.ok(figures.kills >= KILLS / 2, 'the machine is too slow for this test')
  })
}
