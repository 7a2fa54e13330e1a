import { fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adminCall, adminSocketPath } from '@yizhan/kernel'
import type { Installation } from '../../support/installation.js'
import type { CaseContext } from '../runner/case.js'

const CHILD = fileURLToPath(new URL('./herd-child.js', import.meta.url))
const PROCESSES = 2
const TOKENS_AT_ONCE = 25

export type HerdMessage = { readonly enrolled: number } | { /** Wall clock, ms. */ readonly up: number }

/** Many edges in a few processes, each with a certificate and a real uplink, and when their links came up. */
export class Herd {
  /** Of every link that came up, in order; wall clock, ms. */
  readonly ups: number[] = []
  #watchers: (() => void)[] = []
  readonly #say: (text: string) => void
  #failure: Error | undefined

  private constructor(say: (text: string) => void) {
    this.#say = say
  }

  /** Enrols and links so many edges. `context.dir` holds what they keep. */
  static async start(context: CaseContext, all: Installation, edges: number): Promise<Herd> {
    const herd = new Herd(context.say)
    const path = adminSocketPath(all.centerState)
    const tokens: string[] = []
    for (let made = 0; made < edges; made += TOKENS_AT_ONCE) {
      const some = Array.from({ length: Math.min(TOKENS_AT_ONCE, edges - made) }, async (_, i) => {
        // A tenant that nobody has set up: what a link costs is looked at, not what a bundle does.
        const body = { edge: `herd-${made + i}`, tenants: ['herd'] }
        return ((await adminCall(path, 'POST', '/v1/edges/tokens', body)) as { token: string }).token
      })
      tokens.push(...(await Promise.all(some)))
    }
    context.say(`${edges} join tokens`)
    const share = Math.ceil(edges / PROCESSES)
    for (let i = 0; i < PROCESSES; i++) {
      const args = [join(context.dir, `herd-${i}`), all.link, all.enroll]
      const child = fork(CHILD, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
      context.after(() => child.kill('SIGKILL'))
      child.once('exit', (code) => herd.#failed(new Error(`a process of the herd ended with ${code}`)))
      child.on('message', (message) => herd.#hear(message as HerdMessage))
      child.send(tokens.slice(i * share, (i + 1) * share))
    }
    await herd.linked(edges, context.signal)
    return herd
  }

  /** Resolves once so many links have come up since the start. */
  linked(count: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#failure) reject(this.#failure)
        else if (this.ups.length >= count) resolve()
      }
      this.#watchers.push(look)
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      look()
    })
  }

  #failed(error: Error): void {
    this.#failure ??= error
    for (const look of this.#watchers) look()
  }

  #hear(message: HerdMessage): void {
    if ('enrolled' in message) {
      this.#say(`${message.enrolled} edges of a process are enrolled`)
      return
    }
    this.ups.push(message.up)
    for (const look of this.#watchers) look()
  }
}
