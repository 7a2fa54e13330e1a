import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { generator } from '../isolation-model.js'
import { verifyBatches } from './testing/acked-batches.js'
import { openOn, postgres } from './testing/place.js'
import type { TestServer } from './testing/server.js'

const KILLS = 100
const AT_ONCE = 5

/** Writes batches of one key into two collections, as fast as it can, and says which were acknowledged. */
const WRITER = `
const [engineUrl, cursorsUrl, kernelUrl, config, name, from] = process.argv.slice(1)
const { openPostgresEngine } = await import(engineUrl)
const { Cursors } = await import(cursorsUrl)
const { plainSealer, silentLogger, systemClock } = await import(kernelUrl)
const deps = { log: silentLogger(), clock: systemClock, sealer: plainSealer, cursors: new Cursors(new Uint8Array(32)) }
const engine = await openPostgresEngine(deps, JSON.parse(config))
const audit = { time: 1, actor: name, action: 'CREATE', object: 'c' }
const value = new Uint8Array(Buffer.from(name))
const change = (collection, key) => ({ op: 'put', collection, key, value, terms: [{ name: 'of', value: name }] })
process.stdout.write('ready\\n')
for (let i = Number(from); ; i += 8) {
  await Promise.all(Array.from({ length: 8 }, async (_, j) => {
    const key = name + '-' + (i + j)
    const changes = [change('one', key), change('two', key)]
    const scope = (i + j) % 2 === 0 ? 'shared' : name
    await engine.batch(scope, { changes, audit, bytes: 0 })
    process.stdout.write(scope + ' ' + key + '\\n')
  }))
}
`

interface Killed {
  readonly acked: readonly string[]
}

/** Runs a writer, kills it some time after it is ready, and gives what it has acknowledged. */
async function killedWriter(
  server: TestServer,
  database: string,
  name: string,
  from: number,
  afterMs: number,
): Promise<Killed> {
  const { roles, ...config } = server.config(database, { poolMax: 2 })
  // Without the owner's role: it is a center of many, and migrates nothing.
  const given = JSON.stringify({ ...config, roles: { app: roles.app, sweep: roles.sweep } })
  const urls = [new URL('./open.js', import.meta.url).href, new URL('../cursor.js', import.meta.url).href]
  const child: ChildProcess = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      WRITER,
      ...urls,
      import.meta.resolve('@yizhan/kernel'),
      given,
      name,
      `${from}`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const acked: string[] = []
  const gone = once(child, 'close')
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const closed = once(lines, 'close')
  const ready = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line === 'ready') resolve()
      else acked.push(line)
    })
  })
  await Promise.race([ready, gone.then(() => assert.fail('the writer ended before it was ready'))])
  await sleep(afterMs)
  child.kill('SIGKILL')
  await Promise.all([gone, closed])
  return { acked }
}

test(`of ${KILLS} centers that are killed in their batches no acknowledged batch is lost, and none is there in part`, async (t) => {
  const server = await postgres(t)
  if (!server) return
  const database = await server.database()
  const engine = await openOn(server, database)
  t.after(() => engine.close())
  const random = generator(7)
  const acked = new Set<string>()
  const from = Array.from({ length: AT_ONCE }, () => 0)
  const started = performance.now()
  for (let round = 0; round < KILLS / AT_ONCE; round++) {
    const killed = await Promise.all(
      from.map((first, i) => killedWriter(server, database, `w${i}`, first, random.below(120))),
    )
    for (const [i, { acked: lines }] of killed.entries()) {
      for (const line of lines) acked.add(line)
      from[i] = (from[i] ?? 0) + 1_000_000
    }
  }
  const stored = await verifyBatches(engine, acked)
  const seconds = Math.round((performance.now() - started) / 1_000)
  t.diagnostic(
    `${KILLS} kills in ${seconds} s: ${acked.size} batches acknowledged, 0 lost, ${stored - acked.size} more were there`,
  )
  assert.ok(acked.size > KILLS, 'too few batches to say anything')
})
