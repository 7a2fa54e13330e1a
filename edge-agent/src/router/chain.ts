import { YizhanError } from '@yizhan/kernel'

/** Does its part with a visit: ends it, or lets the next one go on with it, changed or not. */
export type Handle<V> = (visit: V, next: (visit: V) => Promise<void>) => Promise<void>

export interface Handler<V> {
  readonly name: string
  readonly handle: Handle<V>
}

export type Place = { readonly before: string } | { readonly after: string }

/** A chain of responsibility as data: plugins add handlers by name and place. */
export class Chain<V> {
  readonly #handlers: Handler<V>[]
  #isExtended = false

  constructor(handlers: readonly Handler<V>[]) {
    this.#handlers = []
    for (const handler of handlers) this.#add(handler, this.#handlers.length)
  }

  /** Whether somebody has added a handler. */
  get isExtended(): boolean {
    return this.#isExtended
  }

  /** Names in order. */
  names(): string[] {
    return this.#handlers.map(({ name }) => name)
  }

  /** `not_found` if the place is not there, `already_exists` if the name is taken. */
  insert(handler: Handler<V>, place: Place): void {
    const beside = 'before' in place ? place.before : place.after
    const at = this.#handlers.findIndex(({ name }) => name === beside)
    if (at < 0) throw new YizhanError('not_found', `the chain has no handler ${beside}`)
    this.#add(handler, 'before' in place ? at : at + 1)
    this.#isExtended = true
  }

  /** Rejects with `internal` if no handler ends the visit: nothing is dropped in silence. */
  run(visit: V): Promise<void> {
    const handlers = [...this.#handlers]
    const from = async (at: number, now: V): Promise<void> => {
      const handler = handlers[at]
      if (!handler) throw new YizhanError('internal', 'no handler has ended the visit')
      await handler.handle(now, (changed) => from(at + 1, changed))
    }
    return from(0, visit)
  }

  #add(handler: Handler<V>, at: number): void {
    if (this.#handlers.some(({ name }) => name === handler.name)) {
      throw new YizhanError('already_exists', `the chain has a handler ${handler.name} already`)
    }
    this.#handlers.splice(at, 0, handler)
  }
}
