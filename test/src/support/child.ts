import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const STANDBY = fileURLToPath(new URL('./standby.js', import.meta.url))

/** The end of a log is kept; to join it with each line would take more than some of what benches measure. */
const LOG_BYTES = 200_000

export interface Launch {
  readonly env?: Readonly<Record<string, string>>
  /** A command that execs what follows it, such as `prlimit --nofile=64`; signals must reach the program itself. */
  readonly wrapper?: readonly string[]
  /** What to load already now; the program then waits for `begin`. For many short lives, since loading takes longest. */
  readonly standby?: string
}

/** A child process that prints one JSON line when it is ready; its log is kept for failures. */
export class Child {
  readonly process: ChildProcess
  readonly ready: Promise<Record<string, unknown>>
  readonly #log: Buffer[] = []
  #logBytes = 0

  constructor(bin: string, args: readonly string[], { env = {}, wrapper = [], standby }: Launch = {}) {
    const script = standby === undefined ? [bin] : [STANDBY, standby, bin]
    const [program = '', ...rest] = [...wrapper, process.execPath, ...script, ...args]
    // stdin is a pipe that stays open: `--with-parent` ends the child when the test process is gone.
    this.process = spawn(program, rest, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.process.stderr?.on('data', (data: Buffer) => {
      this.#log.push(data)
      this.#logBytes += data.length
      while (this.#logBytes - (this.#log[0]?.length ?? 0) > LOG_BYTES) {
        this.#logBytes -= this.#log.shift()?.length ?? 0
      }
    })
    this.ready = new Promise((resolve, reject) => {
      const lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream })
      lines.on('line', (line) => {
        const value: unknown = line.startsWith('{') ? JSON.parse(line) : undefined
        if (typeof value === 'object' && value !== null && 'ready' in value)
          resolve(value as Record<string, unknown>)
      })
      this.process.once('error', reject)
      this.process.once('exit', (code, signal) => {
        reject(new Error(`${bin} ended with ${signal ?? code} before it was ready:\n${this.log}`))
      })
    })
    // A child that ends later on purpose must not count as an unhandled rejection.
    this.ready.catch(() => undefined)
  }

  /** Lets a program start that stands by. */
  begin(): void {
    this.process.stdin?.write('\n')
  }

  get log(): string {
    return Buffer.concat(this.#log).toString()
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** Sends the signal and waits for the end; returns the exit code, null if it was killed. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.running) this.process.kill(signal)
    return this.exited()
  }

  /** The exit code once it has ended, by itself or not; null if it was killed. */
  async exited(): Promise<number | null> {
    if (this.running) await once(this.process, 'exit')
    return this.process.exitCode
  }
}

/** Runs one of our commands to its end. */
export async function command(
  bin: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data: Buffer) => {
    stdout += data.toString()
  })
  child.stderr.on('data', (data: Buffer) => {
    stderr += data.toString()
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** The same, for a command whose stdout is JSON lines; fails unless it exits 0. */
export async function jsonCommand(bin: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await command(bin, [...args, '--json'])
  if (code !== 0) throw new Error(`${args.join(' ')} exited ${code}:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
}
