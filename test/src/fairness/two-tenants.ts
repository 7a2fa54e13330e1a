import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { StubProcess } from '../simulators/engine/stub-process.js'
import { ChatClient, type Out } from '../support/chat-client.js'
import { ACME, Installation } from '../support/installation.js'
import type { Scope } from '../support/scope.js'

/** No intent of the edge answers it. */
const HEAVY = '出差住宿标准是多少？'
/** Chats over which a flood is spread, since one chat has one question at a time. */
const FLOOD_USERS = 20
const OTHER = 'bravo'

export interface Waits {
  /** From the question to the first word of the answer, and to its end, in ms; one for each question. */
  readonly firstMs: readonly number[]
  readonly wholeMs: readonly number[]
}

export interface TwoTenantsOptions {
  readonly order: 'fair' | 'fifo'
  /** Requests that run at once; each takes 0.3 s. */
  readonly places: number
}

/** A center before one engine process, a branch of the tenant `acme` and one of the tenant `bravo`. */
export class TwoTenants {
  readonly #scope: Scope
  readonly #acme: string
  readonly #bravo: string

  private constructor(scope: Scope, acme: string, bravo: string) {
    this.#scope = scope
    this.#acme = acme
    this.#bravo = bravo
  }

  static async start(scope: Scope, { order, places }: TwoTenantsOptions): Promise<TwoTenants> {
    const engine = await StubProcess.start(scope, ['--set', 'tokens=20,firstMs=60,tokenMs=12'])
    const all = await Installation.start(scope, {
      ...engine.settings,
      YIZHAN_INFERENCE__MAX_RUNNING: String(places),
      YIZHAN_INFERENCE__QUEUE__ORDER: order,
    })
    await all.apply(ACME)
    await all.apply(await copyOfAcme(scope))
    const acme = await all.addEdge('north', ['acme'])
    const bravo = await all.addEdge('south', [OTHER])
    return new TwoTenants(scope, acme.mqtt, bravo.mqtt)
  }

  /** Tenant `acme` asks so many at once. Resolves when all are asked; `answered` when all have their final. */
  async flood(requests: number): Promise<{ readonly answered: Promise<void> }> {
    const client = await mqtt.connectAsync(this.#acme)
    this.#scope.after(() => client.endAsync(true))
    let left = requests
    let done: () => void = () => undefined
    const answered = new Promise<void>((resolve) => {
      done = resolve
    })
    client.on('message', (_topic, payload) => {
      if ((JSON.parse(payload.toString()) as Out).type !== 'final') return
      left -= 1
      if (left === 0) done()
    })
    const users = Array.from({ length: FLOOD_USERS }, (_, user) => `flood-${user}`)
    await client.subscribeAsync(
      users.map((user) => `yizhan/acme/${user}/+/out`),
      { qos: 1 },
    )
    const asked = Array.from({ length: requests }, (_, n) => {
      const topic = `yizhan/acme/${users[n % FLOOD_USERS]}/c${n}/in`
      return client.publishAsync(topic, JSON.stringify({ id: `f${n}`, text: `${HEAVY} #f${n}` }), { qos: 1 })
    })
    await Promise.all(asked)
    return { answered }
  }

  /** Tenant `bravo` asks so many, one after the other. */
  async ask(questions: number): Promise<Waits> {
    const li = await ChatClient.connect(this.#bravo, OTHER)
    const firstMs: number[] = []
    const wholeMs: number[] = []
    for (let n = 0; n < questions; n++) {
      const from = performance.now()
      const id = await li.say(`${HEAVY} #b${n}`)
      const first = li.until(() => (li.deltasOf(id).length > 0 ? performance.now() : undefined))
      const final = await li.final(id)
      if (final.finish !== 'stop') throw new Error(`question ${n} ended as ${final.finish}: ${final.text}`)
      wholeMs.push(performance.now() - from)
      firstMs.push((await first) - from)
    }
    await li.end()
    return { firstMs, wholeMs }
  }
}

async function copyOfAcme(scope: Scope): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yz-bravo-'))
  scope.after(() => rm(dir, { recursive: true, force: true }))
  await cp(ACME, dir, { recursive: true })
  const file = join(dir, 'tenant.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^tenant: acme$/m, `tenant: ${OTHER}`))
  return dir
}
