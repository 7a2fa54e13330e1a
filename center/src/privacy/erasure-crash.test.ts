import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openCenter } from './testing/center.js'
import { acme, by, never } from './testing/stand.js'

const CHILD = fileURLToPath(new URL('./testing/erasing-child.js', import.meta.url))
const ROUNDS = 10
const PERSONS = 4
const RECORDS = 40
const KILL_STEP_MS = 7

type Center = Awaited<ReturnType<typeof openCenter>>

/** Erases in a process of its own that is killed a moment after its nth word; returns those that it said were erased. */
async function eraseAndKill(
  dir: string,
  subjects: readonly string[],
  kill: { readonly afterLines: number; readonly ms: number },
): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, dir, ...subjects], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length === kill.afterLines) setTimeout(() => child.kill('SIGKILL'), kill.ms)
  }
  await ended
  // The first says that it is ready.
  return lines.slice(1)
}

/** Persons with records, as they are before they are erased. */
async function write(center: Center, round: number): Promise<string[]> {
  const { privacy, store, clock } = center
  const subjects: string[] = []
  for (let i = 0; i < PERSONS; i++) {
    const account = { channel: 'web', sender: `person-${round}-${i}` }
    const subject = await privacy.subjects.resolve(acme, account, { name: 'Anna Schmidt' }, by)
    subjects.push(subject)
    const value = Buffer.from('my salary is too low')
    await store.batch(
      acme,
      Array.from({ length: RECORDS }, (_, n) => {
        return { op: 'put', collection: 'turns', key: `t${round}-${i}-${n}`, value, subject } as const
      }),
      { time: clock.wall(), actor: 'bot_1', action: 'CREATE', object: 'turns', subject },
    )
  }
  return subjects
}

/** How far each erasure came, once the center has taken up what was broken off: all of it or nothing. */
async function check(center: Center, subjects: readonly string[], said: readonly string[]): Promise<number> {
  const { privacy, keys, store, erasureLog } = center
  assert.equal((await privacy.erasures.resume(never)).failed, 0)
  for (const subject of said) assert.notEqual(keys.erasedAt(acme, subject), undefined, 'it was said')
  const logged = new Set((await erasureLog.read()).map((entry) => entry.subject))
  let erased = 0
  for (const subject of subjects) {
    const { places } = await store.places(acme, { subject }, { limit: 1_000 })
    if (keys.erasedAt(acme, subject) === undefined) {
      assert.equal(places.length, RECORDS + 2)
      continue
    }
    erased++
    assert.ok(logged.has(subject), 'the log has it before the key is gone')
    assert.deepEqual(places, [])
    const outcome = await privacy.erase(acme, subject, by)
    assert.ok(outcome.s === 'erasing')
    assert.deepEqual([outcome.erasure.state, outcome.erasure.records.turns], ['waiting', RECORDS])
  }
  return erased
}

test(`of ${ROUNDS} centers that are killed while they erase none leaves an erasure half done`, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-erasure-crash-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  let center = await openCenter(dir)
  t.after(() => center.close())
  let erased = 0
  for (let round = 0; round < ROUNDS; round++) {
    const subjects = await write(center, round)
    await center.close()
    const kill = { afterLines: 1 + (round % PERSONS), ms: KILL_STEP_MS * round }
    const said = await eraseAndKill(dir, subjects, kill)
    center = await openCenter(dir)
    erased += await check(center, subjects, said)
  }
  assert.deepEqual((await center.storage.upkeep.check(acme, never)).problems, [])
  t.diagnostic(`${ROUNDS} kills; ${erased} of ${ROUNDS * PERSONS} erasures had begun and were ended`)
  assert.ok(erased > 0 && erased < ROUNDS * PERSONS, 'the kills came in the middle')
})
