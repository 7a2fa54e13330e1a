import { type Clock, toYizhanError, YizhanError } from '@yizhan/kernel'
import { type Command, type CommandResult, CommandResultSchema, create } from '@yizhan/proto'

/** What this edge can be told to do. */
export interface CommandActions {
  renew(): Promise<void>
}

const MAX_REMEMBERED = 256

/** Carries out commands of the center, each id once: a repeated one gets the answer of the first. */
export class CommandDesk {
  readonly #clock: Clock
  readonly #actions: CommandActions
  readonly #answers = new Map<string, Promise<CommandResult>>()

  constructor(clock: Clock, actions: CommandActions) {
    this.#clock = clock
    this.#actions = actions
  }

  /** Never rejects: what goes wrong is the answer. */
  take(command: Command): Promise<CommandResult> {
    const known = this.#answers.get(command.commandId)
    if (known) return known
    const answer = this.#carryOut(command).then(
      () => done(command.commandId),
      (thrown) => failed(command.commandId, toYizhanError(thrown)),
    )
    const [oldest] = this.#answers.keys()
    if (this.#answers.size >= MAX_REMEMBERED && oldest !== undefined) this.#answers.delete(oldest)
    this.#answers.set(command.commandId, answer)
    return answer
  }

  async #carryOut({ expiresMs, command }: Command): Promise<void> {
    if (expiresMs > 0n && expiresMs < BigInt(this.#clock.wall())) {
      throw new YizhanError('deadline_exceeded', 'the command arrived after its time')
    }
    if (command.case === 'renew') return this.#actions.renew()
    throw new YizhanError('unsupported', `this edge knows no command ${command.case ?? 'of this kind'}`)
  }
}

function done(commandId: string): CommandResult {
  return create(CommandResultSchema, { commandId, outcome: { case: 'done', value: {} } })
}

function failed(commandId: string, error: YizhanError): CommandResult {
  const failure = { code: error.code, message: error.message, retryable: error.retryable }
  return create(CommandResultSchema, { commandId, outcome: { case: 'failed', value: failure } })
}
