import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ACME, Installation, root } from '../support/installation.js'
import { pythonWith } from '../support/required.js'

const FILE = join(root, 'examples', 'python-mqtt', 'ask.py')

/** A run of ask.py and what it has printed so far. */
class Asking {
  readonly child: ChildProcess
  readonly #ended: Promise<unknown[]>
  out = ''
  err = ''

  constructor(python: string, question: string, env: Readonly<Record<string, string>>) {
    this.child = spawn(python, [FILE, ...question.split(' ')], {
      env: { ...process.env, PYTHONIOENCODING: 'utf-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#ended = once(this.child, 'close')
    this.child.stdout?.on('data', (data: Buffer) => {
      this.out += data.toString()
    })
    this.child.stderr?.on('data', (data: Buffer) => {
      this.err += data.toString()
    })
  }

  /** Resolves as soon as the output matches. */
  async until(wanted: RegExp): Promise<void> {
    while (!wanted.test(this.out)) {
      const more = once(this.child.stdout as NodeJS.ReadableStream, 'data').then(() => true)
      if (!(await Promise.race([more, this.#ended.then(() => false)]))) {
        assert.match(this.out, wanted, this.err)
      }
    }
  }

  /** Waits for a good end and returns what was printed. */
  async end(): Promise<string> {
    const [code] = await this.#ended
    assert.equal(code, 0, this.err)
    return this.out
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#ended
  }
}

test('the Python client: local and streamed answers, a ticket, and an id that outlives a crash', async (t) => {
  const python = pythonWith(t, 'paho.mqtt.client')
  if (python === undefined) return
  const all = await Installation.start(t, { YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '5' })
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'])
  const asked = join(all.dir, 'asked.json')
  const env = { YIZHAN_MQTT: new URL(edge.mqtt).host, YIZHAN_ASKED: asked, USER: 'li' }

  await t.test('it is 40 lines', async () => {
    assert.equal((await readFile(FILE, 'utf8')).trimEnd().split('\n').length, 40)
  })

  await t.test('answers in both languages, each printed once', async () => {
    assert.match(await new Asking(python, '怎么连 VPN？', env).end(), /安全接入/)
    const heavy = await new Asking(python, 'Which number do I call when my laptop is lost?', env).end()
    assert.equal(heavy.match(/Call the security desk at 8110 within one hour/g)?.length, 1, heavy)
    assert.equal(existsSync(asked), false, 'an answered question is not kept')
  })

  await t.test('a ticket while the link is cut; killed and run again it gets the answer', async () => {
    edge.proxy.cut()
    const question = '北京出差住宿每晚不超过多少？'
    const first = new Asking(python, question, env)
    await first.until(/^\[\S+\] .+/)
    await first.kill()
    assert.ok(existsSync(asked))
    const second = new Asking(python, question, env)
    await once(second.child, 'spawn')
    edge.proxy.restore()
    const out = await second.end()
    assert.match(out, /600/)
    // A question asked anew would have got a ticket of its own.
    const tickets = [first.out, out].flatMap((text) => text.match(/^\[\S+\]/gm) ?? [])
    assert.equal(new Set(tickets).size, 1, `${tickets}`)
  })

  await t.test('a refusal is told by its code', async () => {
    assert.match(await new Asking(python, 'x'.repeat(5000), env).end(), /^too_large: /m)
  })
})
