import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { StubProcess } from '../simulators/engine/stub-process.js'
import { ACME, Installation } from '../support/installation.js'
import type { Scope } from '../support/scope.js'
import { installedPeer } from './peer.js'
import { beside, percentile, type Row } from './report.js'
import { StreamLoad, type Target, type Timing } from './stream-load.js'

const PEER = '@portkey-ai/gateway'
/** Until the compilers are done with what all three do for each request. */
const WARM_UP = 2_000
/** Each round measures the engine itself, the center and the peer one after the other, so that all meet the same machine. */
const ROUNDS = 4
const CASES = [
  { name: 'one at a time', atOnce: 1, count: 200, tokenMs: 0 },
  { name: '32 streams', atOnce: 32, count: 640, tokenMs: 10 },
  { name: '256 streams', atOnce: 256, count: 512, tokenMs: 10 },
] as const

type Name = 'engine' | 'center' | 'peer'
const NAMES: readonly Name[] = ['engine', 'center', 'peer']

/**
 * What the center adds to an answer of 20 tokens over asking the stub engine directly, beside Portkey's gateway in the same run:
 * to the first byte and to the last, p50 and p99, with the same client. One client, the engine, the center and the peer are a
 * process each.
 */
export async function benchGateway(say: (text: string) => void): Promise<Row[]> {
  const cleanUps: (() => unknown)[] = []
  const scope = { after: (fn: () => unknown) => cleanUps.push(fn) }
  try {
    const stub = await StubProcess.start(scope)
    const targets: Record<Name, Target> = {
      engine: { url: stub.url, headers: {}, model: 'stub' },
      center: await centerTarget(scope, stub),
      peer: await peerTarget(scope, stub),
    }
    const loads = new Map(NAMES.map((name) => [name, new StreamLoad(targets[name])]))
    for (const load of loads.values()) await load.run(WARM_UP, 32)
    const rows: Row[] = []
    for (const { name, atOnce, count, tokenMs } of CASES) {
      await stub.set({ tokenMs })
      const timings: Record<Name, Timing[]> = { engine: [], center: [], peer: [] }
      for (let round = 1; round <= ROUNDS; round++) {
        say(`${name}, round ${round} of ${ROUNDS} …`)
        for (const [of, load] of loads) timings[of].push(...(await load.run(count, atOnce)))
      }
      rows.push(...rowsOf(name, timings))
    }
    return rows
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp()
  }
}

function rowsOf(name: string, timings: Readonly<Record<Name, readonly Timing[]>>): Row[] {
  return (['first', 'whole'] as const).flatMap((part) =>
    [0.5, 0.99].map((share) => {
      const at = (of: Name) =>
        percentile(
          timings[of].map((timing) => timing[part]),
          share,
        )
      const direct = at('engine')
      const what = `${name}: added to the ${part === 'first' ? 'first' : 'last'} byte, p${share * 100}`
      return beside(what, at('center') - direct, 'ms', PEER, at('peer') - direct)
    }),
  )
}

async function centerTarget(scope: Scope, stub: StubProcess): Promise<Target> {
  const all = await Installation.start(scope, {
    ...stub.settings,
    YIZHAN_FRONT__PORT: '0',
    YIZHAN_INFERENCE__MAX_RUNNING: '1000',
  })
  await all.apply(ACME)
  const { secret } = await all.centerCommand('api-keys', 'create', 'bench', '--tenant', 'acme')
  const { front } = await all.center.ready
  return { url: `${front}/v1`, headers: { authorization: `Bearer ${secret}` }, model: 'default' }
}

async function peerTarget(scope: Scope, stub: StubProcess): Promise<Target> {
  const dir = await installedPeer('portkey')
  const port = await freePort()
  const program = join(dir, 'node_modules', PEER, 'build', 'start-server.js')
  const child = spawn(
    process.execPath,
    ['--import', './mutable-headers.mjs', program, '--headless', `--port=${port}`],
    { cwd: dir, stdio: 'ignore', env: { ...process.env, NODE_ENV: 'production' } },
  )
  scope.after(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  const url = `http://127.0.0.1:${port}`
  while (!(await fetch(url).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(`${PEER} ended with ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    url: `${url}/v1`,
    headers: {
      authorization: 'Bearer none',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': stub.url,
    },
    model: 'stub',
  }
}

/** The peer does not tell which port it took. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
