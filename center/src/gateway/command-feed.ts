import type { Clock, EdgeId, Logger } from '@yizhan/kernel'
import type { Command, CommandResult } from '@yizhan/proto'
import type { EdgeCommands } from '../fleet/index.js'

export interface CommandFeedDeps {
  readonly clock: Clock
  readonly log: Logger
  readonly commands: EdgeCommands
}

// Unanswered ones on one link; the next go out as answers come.
const MAX_UNANSWERED = 16
// An answer that got lost inside the edge: it knows the id and answers as before.
const AGAIN_MS = 60_000

/** Sends one link's edge the commands that wait for it, oldest first, and takes its answers. */
export class CommandFeed {
  readonly #deps: CommandFeedDeps
  readonly #edge: EdgeId
  readonly #send: (command: Command) => void
  /** When each was sent on this link. */
  readonly #sentAt = new Map<string, number>()
  #stopped = false

  constructor(deps: CommandFeedDeps, edge: EdgeId, send: (command: Command) => void) {
    this.#deps = deps
    this.#edge = edge
    this.#send = send
  }

  /** Looks what is to be sent; called at the start, when something is queued and with every heartbeat. */
  pump(): void {
    if (this.#stopped) return
    const now = this.#deps.clock.monotonic()
    const waiting = this.#deps.commands.waiting(this.#edge)
    const live = new Set(waiting.map(({ commandId }) => commandId))
    for (const id of this.#sentAt.keys()) if (!live.has(id)) this.#sentAt.delete(id)
    for (const command of waiting) {
      const sentAt = this.#sentAt.get(command.commandId)
      if (sentAt === undefined && this.#sentAt.size >= MAX_UNANSWERED) continue
      if (sentAt !== undefined && now - sentAt < AGAIN_MS) continue
      this.#sentAt.set(command.commandId, now)
      this.#send(command)
    }
  }

  /** False for an answer to what does not wait. One may come to a command that an earlier link has sent. */
  answer(result: CommandResult): boolean {
    const waiting = this.#deps.commands.waiting(this.#edge)
    if (!waiting.some(({ commandId }) => commandId === result.commandId)) return false
    this.#deps.commands.answer(this.#edge, result).then(
      () => this.pump(),
      (thrown: unknown) => {
        const { commandId } = result
        this.#deps.log.error({ err: thrown, edge: this.#edge, commandId }, 'an answer was not recorded')
      },
    )
    return true
  }

  stop(): void {
    this.#stopped = true
  }
}
