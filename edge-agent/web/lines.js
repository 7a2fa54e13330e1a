import { drop, keysOf, onElsewhere, read, write } from './storage.js'

const MAX_LINES = 200

/**
 * The lines of one chat, kept in this browser, each under a key of its own: two tabs that write at the same moment take
 * nothing from each other. An entry is there once: a question has `state` sending, sent or refused, and what is still
 * being sent goes again under the same id; a reply that comes twice changes nothing.
 */
export class Lines {
  #prefix
  #entries = new Map()
  #lastOrder = 0
  /** Whether the browser keeps what is added. */
  kept = true

  constructor({ tenant, user, chat }) {
    this.#prefix = `line/${tenant}/${user}/${chat}/`
    for (const key of keysOf(this.#prefix)) this.#load(key)
    this.#trim()
  }

  /** In the order in which they came. */
  get all() {
    return [...this.#entries.values()].sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1))
  }

  get size() {
    return this.#entries.size
  }

  get(id) {
    return this.#entries.get(id)
  }

  find(test) {
    return this.all.find(test)
  }

  /** The entry as it stands here, or undefined if it was there already. */
  add(entry) {
    // The other tab may have it since; its event comes later.
    if (this.#entries.has(entry.id) || this.#load(this.#prefix + entry.id)) return undefined
    const order = Math.max(Date.now(), this.#lastOrder + 1)
    this.#keep({ ...entry, order })
    this.#trim()
    return this.#entries.get(entry.id)
  }

  change(id, fields) {
    const entry = this.#entries.get(id)
    if (!entry) return undefined
    this.#keep({ ...entry, ...fields })
    return this.#entries.get(id)
  }

  /** Calls back with the id of each entry that another tab has added, changed or dropped. Returns the unsubscribe. */
  onElsewhere(fn) {
    return onElsewhere((key) => {
      if (!key.startsWith(this.#prefix)) return
      const id = key.slice(this.#prefix.length)
      if (!this.#load(key)) this.#entries.delete(id)
      fn(id)
    })
  }

  #load(key) {
    const entry = read(key)
    if (typeof entry?.id !== 'string' || !Number.isFinite(entry.order)) return undefined
    this.#entries.set(entry.id, entry)
    this.#lastOrder = Math.max(this.#lastOrder, entry.order)
    return entry
  }

  #keep(entry) {
    this.#entries.set(entry.id, entry)
    this.#lastOrder = Math.max(this.#lastOrder, entry.order)
    const put = () => write(this.#prefix + entry.id, entry)
    this.kept = put() || (this.#makeRoom() && put())
  }

  /** The older half stays on the screen only. */
  #makeRoom() {
    const all = this.all
    for (const { id } of all.slice(0, Math.ceil(all.length / 2))) drop(this.#prefix + id)
    return all.length > 1
  }

  #trim() {
    for (const { id } of this.all.slice(0, -MAX_LINES)) {
      this.#entries.delete(id)
      drop(this.#prefix + id)
    }
  }
}

/** Forgets a whole chat. */
export function dropLines({ tenant, user, chat }) {
  for (const key of keysOf(`line/${tenant}/${user}/${chat}/`)) drop(key)
}

/** A reply as a line. */
export function replyEntry({ promise: _promise, ...reply }) {
  return { ...reply, kind: 'reply' }
}
