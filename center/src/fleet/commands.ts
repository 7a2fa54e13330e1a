import { type Static, Type } from '@sinclair/typebox'
import { asEdgeId, type Clock, type EdgeId, type Logger, newId, YizhanError } from '@yizhan/kernel'
import { type Command, type CommandResult, CommandSchema, create, fromBinary, toBinary } from '@yizhan/proto'
import type { StoredRecord, SystemStore } from '../storage/index.js'
import { fromStored, toStored } from './stored-json.js'

const StoredCommand = Type.Object({
  /** Base64 of the Command; dropped once it is settled. */
  command: Type.Optional(Type.String()),
  queuedAt: Type.Number(),
  state: Type.Union([
    Type.Literal('waiting'),
    Type.Literal('done'),
    Type.Literal('failed'),
    Type.Literal('expired'),
  ]),
  settledAt: Type.Optional(Type.Number()),
  /** What the edge said: its detail, or `code: message` of its failure. */
  detail: Type.Optional(Type.String()),
})

/** A command as operators and its sender see it. */
export interface CommandView {
  readonly id: string
  readonly state: Static<typeof StoredCommand>['state']
  readonly queuedAt: number
  readonly settledAt?: number
  readonly detail?: string
}

export interface NewCommand {
  /** A person's or service's id. */
  readonly actor: string
  /** Milliseconds since the Unix epoch; 0 = never. */
  readonly expiresAt: number
  readonly command: Command['command']
}

/** Commands for edges: durable until answered or expired, sent again with every link until then. */
export interface EdgeCommands {
  /** Durable when it resolves with the command's id. `overloaded` if too many wait for this edge. */
  queue(edge: EdgeId, command: NewCommand): Promise<string>
  /** Those that wait, oldest first; what has expired is not among them. */
  waiting(edge: EdgeId): readonly Command[]
  /** Durable when it resolves; an answer to what is not waiting changes nothing. */
  answer(edge: EdgeId, result: CommandResult): Promise<void>
  /** Undefined if it is not known, or was settled more than 30 days ago. */
  get(edge: EdgeId, id: string): Promise<CommandView | undefined>
  /** Takes back what waits; the edge may have carried it out already. */
  drop(edge: EdgeId, id: string): Promise<void>
  /** Called when something waits anew. Returns the unsubscribe. */
  onQueued(fn: (edge: EdgeId) => void): () => void
  /** Called after an answer or an expiry is durable; the sender finds it by `get` after a restart. */
  onSettled(fn: (edge: EdgeId, command: CommandView) => void): () => void
}

const COLLECTION = 'edge-commands'
const MAX_WAITING = 1_000
const KEPT_MS = 30 * 86_400_000
const MAX_DETAIL_CHARS = 1_000

interface Waiting {
  readonly command: Command
  readonly queuedAt: number
  readonly version: number
}

/** Reads what waits into memory and forgets what was settled long ago. Throws `data_corrupt`. */
export async function openEdgeCommands(deps: {
  readonly system: SystemStore
  readonly clock: Clock
  readonly log: Logger
}): Promise<EdgeCommands> {
  const commands = new StoredCommands(deps)
  await commands.load()
  return commands
}

class StoredCommands implements EdgeCommands {
  readonly #system: SystemStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #waiting = new Map<EdgeId, Map<string, Waiting>>()
  readonly #queuedListeners = new Set<(edge: EdgeId) => void>()
  readonly #settledListeners = new Set<(edge: EdgeId, command: CommandView) => void>()

  constructor(deps: { readonly system: SystemStore; readonly clock: Clock; readonly log: Logger }) {
    this.#system = deps.system
    this.#clock = deps.clock
    this.#log = deps.log
  }

  async load(): Promise<void> {
    const longAgo = this.#clock.wall() - KEPT_MS
    let cursor: string | undefined
    do {
      const page = await this.#system.scan(COLLECTION, {
        limit: 500,
        ...(cursor === undefined ? {} : { cursor }),
      })
      const old: string[] = []
      for (const record of page.records) {
        const { edge, id } = placeOf(record)
        const stored = storedOf(record)
        if (stored.state === 'waiting') this.#hold(edge, id, waitingOf(record, stored))
        else if ((stored.settledAt ?? 0) < longAgo) old.push(record.key)
      }
      if (old.length > 0) {
        await this.#system.batch(old.map((key) => ({ op: 'delete', collection: COLLECTION, key }) as const))
      }
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  async queue(edge: EdgeId, { actor, expiresAt, command }: NewCommand): Promise<string> {
    if ((this.#waiting.get(edge)?.size ?? 0) >= MAX_WAITING) {
      throw new YizhanError('overloaded', `${MAX_WAITING} commands wait for the edge ${edge}`, {
        details: { edge, waiting: MAX_WAITING },
      })
    }
    const queuedAt = this.#clock.wall()
    const id = newId('cmd', queuedAt)
    const message = create(CommandSchema, {
      commandId: id,
      expiresMs: BigInt(expiresAt),
      actor,
      command,
    })
    const stored = { command: base64(message), queuedAt, state: 'waiting' as const }
    const [version = 1] = await this.#system.batch([
      {
        op: 'put',
        collection: COLLECTION,
        key: `${edge}/${id}`,
        value: toStored(stored),
        expectedVersion: 0,
      },
    ])
    this.#hold(edge, id, { command: message, queuedAt, version })
    for (const fn of this.#queuedListeners) fn(edge)
    return id
  }

  waiting(edge: EdgeId): readonly Command[] {
    const now = BigInt(this.#clock.wall())
    const live: Command[] = []
    for (const [id, { command }] of this.#waiting.get(edge) ?? []) {
      if (command.expiresMs === 0n || command.expiresMs > now) live.push(command)
      else void this.#expire(edge, id)
    }
    return live
  }

  async answer(edge: EdgeId, { commandId, outcome }: CommandResult): Promise<void> {
    // An answer without an outcome says nothing: the command goes on waiting.
    if (outcome.case === undefined) return
    // Written by a peer, kept in the store: bounded.
    const detail =
      outcome.case === 'done'
        ? outcome.value.detail
        : `${outcome.value.code.slice(0, 64)}: ${outcome.value.message}`
    await this.#settle(edge, commandId, outcome.case, detail.slice(0, MAX_DETAIL_CHARS))
  }

  async get(edge: EdgeId, id: string): Promise<CommandView | undefined> {
    const record = await this.#system.get(COLLECTION, `${edge}/${id}`)
    return record && viewOf(id, storedOf(record))
  }

  async drop(edge: EdgeId, id: string): Promise<void> {
    const waiting = this.#release(edge, id)
    if (waiting) await this.#system.batch([{ op: 'delete', collection: COLLECTION, key: `${edge}/${id}` }])
  }

  onQueued(fn: (edge: EdgeId) => void): () => void {
    this.#queuedListeners.add(fn)
    return () => this.#queuedListeners.delete(fn)
  }

  onSettled(fn: (edge: EdgeId, command: CommandView) => void): () => void {
    this.#settledListeners.add(fn)
    return () => this.#settledListeners.delete(fn)
  }

  async #expire(edge: EdgeId, id: string): Promise<void> {
    await this.#settle(edge, id, 'expired').catch((thrown: unknown) => {
      this.#log.error({ err: thrown, edge, command: id }, 'an expired command was not recorded as such')
    })
  }

  async #settle(
    edge: EdgeId,
    id: string,
    state: 'done' | 'failed' | 'expired',
    detail?: string,
  ): Promise<void> {
    const waiting = this.#release(edge, id)
    if (!waiting) return
    const settled = {
      queuedAt: waiting.queuedAt,
      state,
      settledAt: this.#clock.wall(),
      ...(detail === undefined || detail === '' ? {} : { detail }),
    }
    try {
      await this.#system.batch([
        {
          op: 'put',
          collection: COLLECTION,
          key: `${edge}/${id}`,
          value: toStored(settled),
          expectedVersion: waiting.version,
        },
      ])
    } catch (thrown) {
      // It goes on waiting: the edge is asked again and answers as before.
      this.#hold(edge, id, waiting)
      throw thrown
    }
    for (const fn of this.#settledListeners) fn(edge, viewOf(id, settled))
  }

  #hold(edge: EdgeId, id: string, waiting: Waiting): void {
    const held = this.#waiting.get(edge) ?? new Map<string, Waiting>()
    held.set(id, waiting)
    this.#waiting.set(edge, held)
  }

  #release(edge: EdgeId, id: string): Waiting | undefined {
    const held = this.#waiting.get(edge)
    const waiting = held?.get(id)
    held?.delete(id)
    if (held?.size === 0) this.#waiting.delete(edge)
    return waiting
  }
}

function placeOf({ key }: StoredRecord): { edge: EdgeId; id: string } {
  const [name = '', id = ''] = key.split('/')
  const edge = asEdgeId(name)
  if (!edge || id === '') throw corrupt()
  return { edge, id }
}

function storedOf(record: StoredRecord): Static<typeof StoredCommand> {
  return fromStored(StoredCommand, record.value, 'a command for an edge')
}

function waitingOf(record: StoredRecord, stored: Static<typeof StoredCommand>): Waiting {
  try {
    const command = fromBinary(CommandSchema, Buffer.from(stored.command ?? '', 'base64'))
    return { command, queuedAt: stored.queuedAt, version: record.version }
  } catch (cause) {
    throw corrupt(cause)
  }
}

function viewOf(id: string, { command: _command, ...stored }: Static<typeof StoredCommand>): CommandView {
  return { id, ...stored }
}

function base64(command: Command): string {
  return Buffer.from(toBinary(CommandSchema, command)).toString('base64')
}

function corrupt(cause?: unknown): YizhanError {
  return new YizhanError('data_corrupt', 'a command for an edge cannot be read', {
    ...(cause === undefined ? {} : { cause }),
  })
}
