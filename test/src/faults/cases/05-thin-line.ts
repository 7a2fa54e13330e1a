import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { percentile } from '../../bench/report.js'
import { ChatClient } from '../../support/chat-client.js'
import { ACME } from '../../support/installation.js'
import { LINE_NEEDS, stationOverWan } from '../network/line-station.js'
import type { Case } from '../runner/case.js'
import { figuresOf } from '../station.js'
import type { StubEngine } from '../stub-engine.js'

const KBITS = 64
const HEAVY = '出差住宿标准是多少？'
/** The longest that a piece of an answer may take behind what is bulk. */
const MOST_MS = 1_500
const UPLOADED = 'yizhan_upload_bytes_total'
const FETCHED = 'yizhan_bundle_bytes_total\\{source="fetched"\\}'

interface Ways {
  /** From the person's word to the engine. */
  readonly upMs: number[]
  /** From the engine's piece to the person. */
  readonly downMs: number[]
}

/** Bundles and records of turns travel on the line that people's answers need too. */
export const thinLine: Case = {
  number: 5,
  measures: true,
  title: '64 kbit/s: answers beside bulk',
  needs: LINE_NEEDS,
  timeoutMs: [400_000, 1_800_000],
  async run(context) {
    const station = await stationOverWan(context, {
      engine: { pieces: 4, paceMs: 0 },
      tenant: ACME,
    })
    const { all, engine, wan, metric, load: people, judge } = station
    const li = await ChatClient.connect(station.mqtt, 'acme')
    context.after(() => li.end())
    const local = await people({ heavy: 0, persons: 2 })
    const rounds = context.pick(20, 200)

    await wan.thin(KBITS)
    const alone = await ask(li, engine, rounds)

    // Every turn leaves a record for the center's replica.
    const unsent = await metric('edge', UPLOADED)
    local.beginAt(20)
    const besideUploads = await ask(li, engine, rounds)
    local.pause()
    const uploadedBytes = (await metric('edge', UPLOADED)) - unsent

    const before = await metric('edge', FETCHED)
    await all.apply(await anotherModel(context.dir))
    const begun = performance.now()
    const besideBundle = await ask(li, engine, rounds)
    const seconds = (performance.now() - begun) / 1_000
    const fetched = (await metric('edge', FETCHED)) - before
    const verdict = await judge(local)
    const figures = {
      ...named('alone', alone),
      ...named('besideUploads', besideUploads),
      ...named('besideBundle', besideBundle),
      uploadedBytes,
      bundleKbits: Math.round((fetched * 8) / 1_000 / seconds),
      ...figuresOf(verdict),
    }
    try {
      assert.ok(fetched > 0, 'no bundle was on its way')
      for (const [name, ms] of Object.entries(figures)) {
        if (name.endsWith('P99Ms')) assert.ok(Number(ms) <= MOST_MS, `${name} is ${ms}`)
      }
    } catch (thrown) {
      throw Object.assign(thrown as Error, { figures })
    }
    return figures
  },
}

/** Asks so many questions one after the other, and takes the time of each way by itself. */
async function ask(li: ChatClient, engine: StubEngine, rounds: number): Promise<Ways> {
  const ways: Ways = { upMs: [], downMs: [] }
  for (let i = 0; i < rounds; i++) {
    engine.hang('first')
    const called = engine.next()
    const said = performance.now()
    const id = await li.say(HEAVY)
    await called
    const writes = performance.now()
    ways.upMs.push(writes - said)
    engine.goOn()
    await li.until(() => li.deltasOf(id)[0])
    ways.downMs.push(performance.now() - writes)
    await li.final(id)
  }
  return ways
}

function named(when: string, { upMs, downMs }: Ways): Record<string, number> {
  const p = (ms: readonly number[], share: number) => Math.round(percentile(ms, share))
  return {
    [`${when}UpP50Ms`]: p(upMs, 0.5),
    [`${when}UpP99Ms`]: p(upMs, 0.99),
    [`${when}DownP50Ms`]: p(downMs, 0.5),
    [`${when}DownP99Ms`]: p(downMs, 0.99),
  }
}

/** The tenant with one more example, so that its model is another one. */
async function anotherModel(dir: string): Promise<string> {
  const changed = join(dir, 'acme')
  await cp(ACME, changed, { recursive: true })
  const file = join(changed, 'intents', 'bot.yaml')
  const text = await readFile(file, 'utf8')
  await writeFile(file, text.replace('    在吗\n', '    在吗\n    小驿在不在\n'))
  // Of its tests those that any model passes.
  await writeFile(join(changed, 'tests', 'smoke.yaml'), '- {say: 怎么连 VPN, expect: {intent: it.vpn}}\n')
  return changed
}
