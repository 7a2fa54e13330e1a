import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Numbers in [0, 1) that a seed gives again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** How many kills a suite makes: YIZHAN_TEST_KILLS, default 25, which is what `npm test` has time for. */
export const KILLS = Number(process.env.YIZHAN_TEST_KILLS ?? 25)

/** How long a suite goes on: a test file has 180 s, a case of `npm run test:faults -- --full` 600 s. */
const MAX_MS = KILLS > 25 ? 500_000 : 130_000

/** Whether a suite has to end before its last kill; its figures then say how many there were. */
export function slowMachine(): () => boolean {
  const until = performance.now() + MAX_MS
  return () => performance.now() > until
}

export interface KillWhen {
  /** Asked after each line. */
  readonly enough?: (line: unknown, count: number) => boolean
  /** Milliseconds after the line that was enough; default at once. */
  readonly laterMs?: number
  /** Milliseconds after it was told to begin. */
  readonly atMs?: number
}

/**
 * Lives of one script, each ended by SIGKILL. The script imports what it needs, then waits for stdin to end, then begins and
 * says JSON lines. The next process loads while one lives, since loading is what takes longest.
 */
export class Lives {
  readonly #script: string
  readonly #args: readonly string[]
  #next: ChildProcess | undefined

  constructor(script: string, args: readonly string[]) {
    this.#script = script
    this.#args = args
  }

  /** One life; what it said before the kill. Throws if it ended by itself. */
  async live({ enough, laterMs = 0, atMs }: KillWhen): Promise<readonly unknown[]> {
    const child = this.#next ?? this.#spawn()
    this.#next = this.#spawn()
    const { stdin, stdout, stderr } = child
    if (!stdin || !stdout || !stderr) throw new Error('the child has no pipes')
    let errors = ''
    stderr.on('data', (data: Buffer) => {
      errors = (errors + data.toString()).slice(-20_000)
    })
    const lines: unknown[] = []
    let timer = atMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), atMs)
    const reader = createInterface({ input: stdout })
    reader.on('line', (text) => {
      // The kill may cut the last one in two.
      if (!text.endsWith('}')) return
      const line: unknown = JSON.parse(text)
      lines.push(line)
      if (!enough?.(line, lines.length)) return
      if (laterMs === 0) child.kill('SIGKILL')
      else timer ??= setTimeout(() => child.kill('SIGKILL'), laterMs)
    })
    const read = once(reader, 'close')
    const closed = once(child, 'close')
    stdin.end()
    const [code, signal] = await closed
    clearTimeout(timer)
    await read
    if (signal !== 'SIGKILL') throw new Error(`${this.#script} ended by itself with ${code}:\n${errors}`)
    return lines
  }

  /** Ends the process that was to be the next. */
  end(): void {
    this.#next?.kill('SIGKILL')
  }

  #spawn(): ChildProcess {
    return spawn(process.execPath, [this.#script, ...this.#args], { stdio: ['pipe', 'pipe', 'pipe'] })
  }
}
