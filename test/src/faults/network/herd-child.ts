// Many edges in one process, as far as their links go: DIRECTORY LINK ENROLL; the join tokens come as the first message. Each
// is enrolled with a certificate of its own and runs the uplink of a real edge. Tells its parent of each link that is up.
import { generateKeyPairSync } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ENROLMENT_KEY_FILE, enrol, startUplink } from '@yizhan/edge-agent/uplink'
import {
  createMetrics,
  createSealer,
  deadlineSignal,
  sealedFiles,
  silentLogger,
  systemClock,
} from '@yizhan/kernel'
import type { HerdMessage } from './herd.js'

const ENROL_AT_ONCE = 4
/** They were not all switched on in the same moment. */
const LINK_AT_ONCE = 10
const [dir = '', linkAddress = '', enrollAddress = ''] = process.argv.slice(2)
const key = { id: Buffer.alloc(8, 1), secret: Buffer.alloc(32, 2) }
const files = sealedFiles(
  createSealer({ keyring: { sealingKey: () => key, openingKey: () => key } }),
  'edge-file',
)
const deps = { clock: systemClock, log: silentLogger(), files }
// Making a thousand keys takes minutes; whose key it is makes no difference to a handshake.
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
})
const tell = (message: HerdMessage) => process.send?.(message)

async function joinAs(i: number, token: string): Promise<string> {
  const own = join(dir, String(i))
  await mkdir(own, { recursive: true })
  await files.write(join(own, ENROLMENT_KEY_FILE.path), ENROLMENT_KEY_FILE.name, Buffer.from(pem))
  const signal = deadlineSignal(120_000)
  await enrol(deps, { enrollAddress, token, dir: own, agentVersion: 'herd', signal })
  return own
}

async function link(own: string): Promise<void> {
  const uplink = await startUplink(
    {
      ...deps,
      metrics: createMetrics(),
      random: Math.random,
      target: { apply: async () => undefined },
      journalEpoch: 1n,
      channelHealth: () => [],
      waitingTurns: () => 0,
    },
    { linkAddress, dir: own, agentVersion: 'herd', site: '' },
  )
  await new Promise<void>((resolve) => {
    uplink.onLink((state) => {
      if (state.s !== 'ready') return
      tell({ up: Date.now() })
      resolve()
    })
  })
}

/** Works through the list, so many at a time. */
async function each<T>(
  list: readonly T[],
  atOnce: number,
  work: (one: T) => Promise<unknown>,
): Promise<void> {
  const rest = [...list]
  const one = async () => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) await work(next)
  }
  await Promise.all(Array.from({ length: atOnce }, one))
}

process.on('disconnect', () => process.exit(0))
process.once('message', async (tokens: readonly string[]) => {
  const enrolled: string[] = []
  await each([...tokens.entries()], ENROL_AT_ONCE, async ([i, token]) =>
    enrolled.push(await joinAs(i, token)),
  )
  tell({ enrolled: enrolled.length })
  await each(enrolled, LINK_AT_ONCE, link)
})
