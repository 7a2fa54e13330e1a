import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { deserialize } from 'node:v8'
import type { Network } from '../network.js'
import { openNetwork } from '../open-network.js'
import { encodeFromCage, FrameReader, type FromCage, framed, type ToCage } from './frames.js'

// The program of a cage: it opens one model file that nobody trusts and runs it. Its parent has put it under limits,
// gives it no environment, and ends it when it takes too long.

let network: Network | undefined
let working = Promise.resolve()
/** Of our own side, which may send a large model. */
const MAX_TOLD_BYTES = 512 * 1024 * 1024
const frames = new FrameReader(MAX_TOLD_BYTES)

yieldToOthers()
process.stdin.on('data', (part: Buffer) => {
  for (const frame of frames.push(part)) {
    const message: ToCage = deserialize(frame)
    working = working.then(() => work(message))
  }
})
process.stdin.on('end', () => process.exit())

async function work(message: ToCage): Promise<void> {
  const id = message.kind === 'run' ? message.id : 0
  try {
    if (message.kind === 'open') {
      network = await openNetwork(message.network, message.onnx)
      return send({ kind: 'opened' })
    }
    const before = process.cpuUsage()
    const rows = (await network?.run(message.texts)) ?? []
    const { user, system } = process.cpuUsage(before)
    send({ kind: 'ran', id, cpuMs: (user + system) / 1000, rows })
  } catch (thrown) {
    send({ kind: 'failed', id, message: String(thrown) })
  }
}

function send(message: FromCage): void {
  process.stdout.write(framed(encodeFromCage(message)))
}

/** Where memory gets short, or the processor, this process goes first. */
function yieldToOthers(): void {
  try {
    setPriority(5)
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not everywhere; the limits hold all the same.
  }
}
