import { Qlobber } from 'qlobber'

const WORDS = { separator: '/', wildcard_one: '+', wildcard_some: '#', match_empty_levels: true } as const

interface Entry<S> {
  readonly subscriber: S
  readonly filter: string
  readonly qos: number
}

/** Which subscribers want which topics. Filters are MQTT's, of at most 100 levels. */
export class Subscriptions<S> {
  readonly #trie = new Qlobber<Entry<S>>(WORDS)
  readonly #filters = new Map<S, Map<string, Entry<S>>>()

  add(subscriber: S, filter: string, qos: number): void {
    this.remove(subscriber, filter)
    const entry = { subscriber, filter, qos }
    const own = this.#filters.get(subscriber) ?? new Map<string, Entry<S>>()
    this.#filters.set(subscriber, own.set(filter, entry))
    this.#trie.add(filter, entry)
  }

  remove(subscriber: S, filter: string): void {
    const entry = this.#filters.get(subscriber)?.get(filter)
    if (!entry) return
    this.#trie.remove(filter, entry)
    this.#filters.get(subscriber)?.delete(filter)
  }

  removeAll(subscriber: S): void {
    for (const [filter, entry] of this.#filters.get(subscriber) ?? []) this.#trie.remove(filter, entry)
    this.#filters.delete(subscriber)
  }

  /** How many filters a subscriber has. */
  count(subscriber: S): number {
    return this.#filters.get(subscriber)?.size ?? 0
  }

  /**
   * Who wants `topic`, each once, with the QoS of its filter that equals the topic (aedes delivers with that one), else
   * the highest of its matching ones.
   */
  match(topic: string): Map<S, number> {
    const found = new Map<S, number>()
    const entries = this.#trie.match(topic)
    for (const { subscriber, qos } of entries) {
      if (qos >= (found.get(subscriber) ?? 0)) found.set(subscriber, qos)
    }
    for (const { subscriber, filter, qos } of entries) {
      if (filter === topic) found.set(subscriber, qos)
    }
    return found
  }
}

/** A test for topics against one filter. */
export function topicTest(filter: string): (topic: string) => boolean {
  const trie = new Qlobber<true>(WORDS).add(filter, true)
  return (topic) => trie.match(topic).length > 0
}
