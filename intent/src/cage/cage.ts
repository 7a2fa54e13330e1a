import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { serialize } from 'node:v8'
import { type Clock, YizhanError } from '@yizhan/kernel'
import type { NetworkInput, NetworkKind } from '../network.js'
import { NO_TELEMETRY } from '../no-telemetry.js'
import { decodeFromCage, FrameReader, type FromCage, framed, type ToCage } from './frames.js'
import { type CageLimits, limitedCommand } from './limited-command.js'

export interface CageConfig extends CageLimits {
  /** Until the model is open, starting the process included. */
  readonly openMs: number
  /** For one run. */
  readonly runMs: number
}

export const CAGE_DEFAULTS: CageConfig = {
  addressSpaceBytes: 1536 * 1024 * 1024,
  cpuSeconds: 20,
  openMs: 15_000,
  runMs: 5_000,
}

export interface CagedRun {
  /** One row per text. */
  readonly rows: readonly Float32Array[]
  /** Processor milliseconds that the run took. */
  readonly cpuMs: number
}

/** A model file in a process of its own. */
export interface Cage {
  /**
   * Rejects with `model_refused` and `details.why` (`timeout`, `cpu`, `crashed`, `run-failed`, `strange-output`), and
   * with the signal's reason, which ends the cage.
   */
  run(texts: readonly NetworkInput[], signal: AbortSignal): Promise<CagedRun>
  /** Whether the process lives. */
  readonly isOpen: boolean
  /** Ends the process at once; resolves when it is gone. */
  stop(): Promise<void>
}

/** Small, because it holds nothing but the model, and V8's helpers would each reserve address space. */
const NODE_OPTIONS = ['--max-old-space-size=64', '--max-semi-space-size=1', '--v8-pool-size=0']
const PROGRAM = fileURLToPath(new URL('./cage-process.js', import.meta.url))
const ENVIRONMENT = { ...NO_TELEMETRY, MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '1' }

/**
 * Opens a model file in a process under limits, and kills that for whatever it does not do in time: an endless loop in
 * the runtime outlives a thread's `terminate`, and a huge tensor aborts its process (measured). Rejects with
 * `model_refused` (`details.why` also `open-failed`), `unsupported` (no limits here), the signal's reason.
 */
export async function openCage(
  { clock }: { readonly clock: Pick<Clock, 'after'> },
  model: { readonly network: NetworkKind; readonly onnx: Uint8Array },
  config: CageConfig,
  signal: AbortSignal,
): Promise<Cage> {
  signal.throwIfAborted()
  const args = [...NODE_OPTIONS, PROGRAM]
  const command = await limitedCommand({ program: process.execPath, args }, config)
  signal.throwIfAborted()
  const child = spawn(command.program, command.args, {
    cwd: '/',
    env: ENVIRONMENT,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const cage = new ProcessCage(child, clock, config)
  try {
    await cage.open(model, signal)
    return cage
  } catch (thrown) {
    await cage.stop()
    throw thrown
  }
}

type Answer = Exclude<FromCage, { kind: 'failed' }>

class ProcessCage implements Cage {
  readonly #child: ChildProcess
  readonly #clock: Pick<Clock, 'after'>
  readonly #config: CageConfig
  readonly #gone: Promise<void>
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: unknown): void }>()
  readonly #frames = new FrameReader()
  /** Why it ended, once it has. */
  #end: unknown
  #lastId = 0

  constructor(child: ChildProcess, clock: Pick<Clock, 'after'>, config: CageConfig) {
    this.#child = child
    this.#clock = clock
    this.#config = config
    this.#gone = new Promise((resolve) => {
      child.once('error', (cause) => {
        this.#die(new YizhanError('unavailable', 'the process for the model could not be started', { cause }))
        resolve()
      })
      child.once('close', (code, name) => {
        this.#die(endOf(code, name))
        resolve()
      })
    })
    child.stdout?.on('data', (part: Buffer) => this.#receive(part))
    // A process that has ended is told of by `close`.
    child.stdin?.on('error', () => undefined)
  }

  get isOpen(): boolean {
    return this.#end === undefined
  }

  async open(model: { network: NetworkKind; onnx: Uint8Array }, signal: AbortSignal): Promise<void> {
    await this.#ask(0, { kind: 'open', ...model }, this.#config.openMs, signal)
  }

  async run(texts: readonly NetworkInput[], signal: AbortSignal): Promise<CagedRun> {
    this.#lastId++
    const id = this.#lastId
    const answer = await this.#ask(id, { kind: 'run', id, texts }, this.#config.runMs, signal)
    if (answer.kind === 'ran' && answer.rows.length === texts.length) return answer
    throw this.#kill(refused('strange-output', 'it answered another number of texts than it was given'))
  }

  async stop(): Promise<void> {
    this.#kill(new YizhanError('unavailable', 'the process of the model was stopped'))
    await this.#gone
  }

  async #ask(id: number, message: ToCage, ms: number, signal: AbortSignal): Promise<Answer> {
    if (this.#end !== undefined) throw this.#end
    signal.throwIfAborted()
    const late = refused('timeout', `it gave no answer in ${ms} ms`)
    const cancel = this.#clock.after(ms, () => this.#kill(late))
    const onAbort = () => this.#kill(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject })
        this.#child.stdin?.write(framed(serialize(message)))
      })
    } finally {
      cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  #receive(part: Buffer): void {
    try {
      for (const frame of this.#frames.push(part)) this.#settle(decodeFromCage(frame))
    } catch (thrown) {
      this.#kill(refused('strange-output', String(thrown)))
    }
  }

  #settle(answer: FromCage): void {
    const id = answer.kind === 'opened' ? 0 : answer.id
    const waiting = this.#waiting.get(id)
    if (!waiting) throw new Error('it answered what it was not asked')
    this.#waiting.delete(id)
    if (answer.kind === 'failed') {
      waiting.reject(refused(id === 0 ? 'open-failed' : 'run-failed', answer.message))
    } else waiting.resolve(answer)
  }

  /** Ends the process for `why`; what it still says counts no more. */
  #kill(why: unknown): unknown {
    this.#child.kill('SIGKILL')
    this.#die(why)
    return why
  }

  #die(why: unknown): void {
    this.#end ??= why
    for (const { reject } of this.#waiting.values()) reject(this.#end)
    this.#waiting.clear()
  }
}

/** Of a process that nobody stopped. */
function endOf(code: number | null, signal: NodeJS.Signals | null): YizhanError {
  if (signal === 'SIGXCPU') return refused('cpu', 'it used up its processor time')
  if (signal === 'SIGILL') {
    return new YizhanError(
      'unsupported',
      'the processor lacks instructions that the ONNX runtime needs (AVX2)',
      {
        hint: 'run `yizhan-edge doctor`; a virtual machine may hide the instructions of its host',
      },
    )
  }
  return refused('crashed', `its process ended with ${signal ?? `code ${code}`}`)
}

function refused(why: string, message: string): YizhanError {
  return new YizhanError('model_refused', `the model is refused: ${message}`, { details: { why } })
}
