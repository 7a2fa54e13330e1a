import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KILLS, Lives, seeded, slowMachine } from './lives.js'

const CHILD = fileURLToPath(new URL('./batch-child.js', import.meta.url))

interface Found {
  readonly found: Readonly<Record<string, { readonly last: number; readonly wrong: readonly string[] }>>
  readonly system: readonly string[]
}

interface Acked {
  readonly tenant: string
  readonly n: number
}

/** What the child says, life by life, held against what it said in the lives before. */
class Ledger {
  readonly figures = { kills: 0, acked: 0, lost: 0, unacked: 0, beforeItOpened: 0 }
  readonly wrong: unknown[] = []
  readonly #acked = new Map<string, number>()

  life([first, ...rest]: readonly unknown[]): void {
    this.figures.kills += 1
    if (first === undefined) this.figures.beforeItOpened += 1
    else this.#opened(first as Found)
    for (const { tenant, n } of rest as readonly Acked[]) {
      this.#acked.set(tenant, Math.max(this.#acked.get(tenant) ?? 0, n))
      this.figures.acked += 1
    }
  }

  #opened({ found, system }: Found): void {
    for (const [tenant, { last, wrong }] of Object.entries(found)) {
      const known = this.#acked.get(tenant) ?? 0
      this.figures.lost += Math.max(0, known - last)
      this.figures.unacked += Math.max(0, last - known)
      // A batch may be durable while its answer never arrived; one for each tenant is on its way.
      if (last > known + 1) this.wrong.push({ tenant, last, known })
      if (wrong.length > 0) this.wrong.push({ tenant, wrong, kill: this.figures.kills })
      this.#acked.set(tenant, last)
    }
    this.wrong.push(...system)
  }
}

/** Kills a process that writes batches to three tenants on two shards. */
export function killedBatches(sealing: 'plain' | 'sealed'): void {
  test(`${sealing}: a batch that was acknowledged before a kill -9 is there, whole, with its audit entry, ${KILLS} times`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'yizhan-killed-'))
    t.after(() => rm(dir, { recursive: true, force: true }))
    const lives = new Lives(CHILD, [dir, sealing])
    t.after(() => lives.end())
    const seed = Date.now() % 1_000_000
    const random = seeded(seed)
    const ledger = new Ledger()
    const tooSlow = slowMachine()
    while (ledger.figures.kills < KILLS && !tooSlow()) {
      const batches = 1 + Math.floor(random() * 60)
      const whileItOpens = random() < 0.2
      ledger.life(
        await lives.live(
          whileItOpens ? { atMs: random() * 150 } : { enough: (_line, count) => count > batches },
        ),
      )
    }
    ledger.life(await lives.live({ enough: () => true }))
    t.diagnostic(`seed ${seed}: ${JSON.stringify({ ...ledger.figures, wrong: ledger.wrong.length })}`)
    assert.deepEqual(ledger.wrong, [])
    assert.equal(ledger.figures.lost, 0)
    assert.ok(ledger.figures.acked > KILLS)
    assert.ok(ledger.figures.kills >= KILLS / 2, 'the machine is too slow for this test')
  })
}
