import { spawn } from 'node:child_process'
import type { Clock } from '../clock.js'
import { isErrorCode, toYizhanError, YizhanError } from '../errors.js'
import { parseJson } from '../json.js'
import type { KekProvider, Wrapped } from './kek-provider.js'
import { MAX_WRAPPED_BYTES } from './slot.js'

export interface CommandKekConfig {
  /** Program and arguments; no shell. Never secrets: every user of the machine sees them. */
  readonly argv: readonly string[]
  /** Of one call. Default 10,000. */
  readonly timeoutMs?: number
}

const MAX_ANSWER_BYTES = 64 * 1024
const MAX_AT_ONCE = 4

/**
 * A KEK that never leaves a KMS or a certified module: the program is started once per call (at most four at once), gets
 * one JSON line on standard input and answers with one on standard output; standard error is not read.
 *
 * `{"op":"epoch"}` → `{"epoch":2}`; `{"op":"wrap","secret":"…","place":"…"}` → `{"epoch":2,"wrapped":"…"}`;
 * `{"op":"unwrap","epoch":2,"wrapped":"…","place":"…"}` → `{"secret":"…"}`; bytes in base64. A refusal is
 * `{"error":"key_unknown"}`, or another code of docs/errors.md. `place` is to be bound in as associated data.
 */
export async function commandKek(deps: { clock: Clock }, config: CommandKekConfig): Promise<KekProvider> {
  const kek = new CommandKek(deps.clock, config)
  await kek.renew()
  return kek
}

class CommandKek implements KekProvider {
  readonly id = 'command'
  readonly #clock: Clock
  readonly #config: CommandKekConfig
  readonly #waiting: (() => void)[] = []
  #running = 0
  #epoch = 0

  constructor(clock: Clock, config: CommandKekConfig) {
    this.#clock = clock
    this.#config = config
  }

  epoch(): number {
    return this.#epoch
  }

  async renew(): Promise<number> {
    const { epoch } = await this.#ask({ op: 'epoch' })
    this.#epoch = this.#asEpoch(epoch)
    return this.#epoch
  }

  async wrap(secret: Uint8Array, place: string): Promise<Wrapped> {
    const answer = await this.#ask({ op: 'wrap', secret: Buffer.from(secret).toString('base64'), place })
    const wrapped = this.#asBytes(answer.wrapped)
    if (wrapped.length > MAX_WRAPPED_BYTES) throw this.#bad(`wraps into more than ${MAX_WRAPPED_BYTES} bytes`)
    const epoch = this.#asEpoch(answer.epoch)
    this.#epoch = Math.max(this.#epoch, epoch)
    return { epoch, wrapped }
  }

  async unwrap(epoch: number, wrapped: Uint8Array, place: string): Promise<Uint8Array> {
    const question = { op: 'unwrap', epoch, wrapped: Buffer.from(wrapped).toString('base64'), place }
    const secret = this.#asBytes((await this.#ask(question)).secret)
    if (secret.length !== 32) throw this.#bad('unwraps into something that is not 32 bytes')
    return secret
  }

  async #ask(question: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    while (this.#running >= MAX_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#running += 1
    try {
      return this.#read(await this.#run(`${JSON.stringify(question)}\n`))
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  #run(line: string): Promise<string> {
    const [program = '', ...args] = this.#config.argv
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], shell: false })
      const parts: Buffer[] = []
      let bytes = 0
      const end = (error: YizhanError) => {
        child.kill('SIGKILL')
        reject(error)
      }
      const timeoutMs = this.#config.timeoutMs ?? 10_000
      const cancel = this.#clock.after(timeoutMs, () =>
        end(new YizhanError('deadline_exceeded', `${program} gave no answer in ${timeoutMs} ms`)),
      )
      child.stdout.on('data', (part: Buffer) => {
        bytes += part.length
        if (bytes <= MAX_ANSWER_BYTES) parts.push(part)
        else end(this.#bad('answers with too much'))
      })
      // A program that does not read its input is judged by its answer.
      child.stdin.on('error', () => undefined)
      child.on('error', (thrown) => {
        cancel()
        const reason = toYizhanError(thrown).message
        reject(
          new YizhanError('config_invalid', `cannot start the command of the key-encryption key: ${reason}`, {
            details: { program },
            hint: 'give a program that this user may execute, with its whole path',
          }),
        )
      })
      child.on('close', (code, signal) => {
        cancel()
        if (code === 0) return resolve(Buffer.concat(parts).toString())
        reject(
          new YizhanError('unavailable', `${program} ended with ${code ?? signal}`, {
            details: { program, code, signal },
            hint: `run it by hand: echo '{"op":"epoch"}' | ${program} …`,
          }),
        )
      })
      child.stdin.end(line)
    })
  }

  #read(output: string): Record<string, unknown> {
    let answer: unknown
    try {
      answer = parseJson(output)
    } catch {
      throw this.#bad('does not answer with one line of JSON')
    }
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
      throw this.#bad('does not answer with a JSON object')
    const fields: Record<string, unknown> = { ...answer }
    if (fields.error === undefined) return fields
    const code = isErrorCode(fields.error) ? fields.error : 'backend_failed'
    throw new YizhanError(code, `the command of the key-encryption key refused (${code})`, {
      details: { program: this.#config.argv[0] },
    })
  }

  #asEpoch(value: unknown): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 0xffff_ffff)
      return value
    throw this.#bad('gives no epoch from 1')
  }

  #asBytes(value: unknown): Buffer {
    if (typeof value === 'string' && /^[A-Za-z0-9+/]{4,}={0,2}$/.test(value))
      return Buffer.from(value, 'base64')
    throw this.#bad('gives no base64')
  }

  #bad(what: string): YizhanError {
    return new YizhanError('backend_failed', `the command of the key-encryption key ${what}`, {
      details: { program: this.#config.argv[0] },
      retryable: false,
    })
  }
}
