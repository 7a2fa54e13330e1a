import { type Clock, toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  type Command,
  type CommandResult,
  CommandResultSchema,
  create,
  type EraseCommand,
  type TurnCommand,
} from '@yizhan/proto'

/** What this edge can be told to do. */
export interface CommandActions {
  renew(): Promise<void>
  /** Takes a person out of what this edge keeps; says what it found, as JSON. */
  erase?(command: EraseCommand): Promise<string>
  /** Does to a turn what a person asks for; says how it stands, as JSON. Knows by the id what was carried out already. */
  turn?(command: TurnCommand, order: { readonly commandId: string; readonly actor: string }): Promise<string>
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
      (detail) => done(command.commandId, detail),
      (thrown) => failed(command.commandId, toYizhanError(thrown)),
    )
    const [oldest] = this.#answers.keys()
    if (this.#answers.size >= MAX_REMEMBERED && oldest !== undefined) this.#answers.delete(oldest)
    this.#answers.set(command.commandId, answer)
    return answer
  }

  /** What there is to say of it. */
  async #carryOut({ commandId, actor, expiresMs, command }: Command): Promise<string> {
    if (expiresMs > 0n && expiresMs < BigInt(this.#clock.wall())) {
      throw new YizhanError('deadline_exceeded', 'the command arrived after its time')
    }
    if (command.case === 'renew') {
      await this.#actions.renew()
      return ''
    }
    if (command.case === 'erase' && this.#actions.erase) return this.#actions.erase(command.value)
    if (command.case === 'turn' && this.#actions.turn) {
      return this.#actions.turn(command.value, { commandId, actor })
    }
    throw new YizhanError('unsupported', `this edge knows no command ${command.case ?? 'of this kind'}`)
  }
}

function done(commandId: string, detail: string): CommandResult {
  return create(CommandResultSchema, { commandId, outcome: { case: 'done', value: { detail } } })
}

function failed(commandId: string, error: YizhanError): CommandResult {
  const failure = { code: error.code, message: error.message, retryable: error.retryable }
  return create(CommandResultSchema, { commandId, outcome: { case: 'failed', value: failure } })
}
