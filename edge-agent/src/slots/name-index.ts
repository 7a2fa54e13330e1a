import { normalise, type Slot } from '@yizhan/intent'
import type { Reading } from './reading.js'

type Name = NonNullable<Slot['names']>[number]

interface Node {
  readonly next: Map<string, Node>
  /** The value whose name ends here. */
  value?: string
  length: number
  /** Where the longest proper suffix of this path stands that is a path too. */
  suffix?: Node
  /** The nearest node on the way of suffixes at which a name ends. */
  ending?: Node
}

const WORD = /[\p{sc=Latin}\p{sc=Cyrillic}\p{sc=Greek}\d]/u

/**
 * Finds the names of a list in texts, by Aho-Corasick: in one pass over the text, however many names there are, also in
 * scripts without spaces. Of names that overlap the one that begins first counts, of these the longest.
 */
export class NameIndex {
  readonly #root: Node = { next: new Map(), length: 0 }

  constructor(names: readonly Name[]) {
    for (const { value, also } of names)
      for (const name of [value, ...also]) this.#add(normalise(name), value)
    this.#link()
  }

  /** Every name in a normalised text, in order. A Latin name has to stand as a word of its own. */
  find(text: string): Reading[] {
    const found: Reading[] = []
    let node = this.#root
    for (let at = 0; at < text.length; at++) {
      const unit = text.charAt(at)
      while (node !== this.#root && !node.next.has(unit)) node = node.suffix ?? this.#root
      node = node.next.get(unit) ?? this.#root
      for (let end: Node | undefined = node.value === undefined ? node.ending : node; end; end = end.ending) {
        const from = at + 1 - end.length
        if (end.value !== undefined && standsAlone(text, from, at + 1))
          found.push({ value: end.value, from, to: at + 1 })
      }
    }
    return withoutOverlaps(found)
  }

  #add(name: string, value: string): void {
    if (name === '') return
    let node = this.#root
    for (let at = 0; at < name.length; at++) {
      const unit = name.charAt(at)
      const next: Node = node.next.get(unit) ?? { next: new Map(), length: node.length + 1 }
      node.next.set(unit, next)
      node = next
    }
    // Of two that share a name the first one has it.
    node.value ??= value
  }

  #link(): void {
    const queue = [...this.#root.next.values()]
    for (const node of queue) node.suffix = this.#root
    for (let at = 0; at < queue.length; at++) {
      const node = queue[at]
      if (!node) continue
      for (const [unit, next] of node.next) {
        let back = node.suffix
        while (back && !back.next.has(unit)) back = back.suffix
        const suffix = back?.next.get(unit) ?? this.#root
        next.suffix = suffix
        const ending = suffix.value === undefined ? suffix.ending : suffix
        if (ending) next.ending = ending
        queue.push(next)
      }
    }
  }
}

function standsAlone(text: string, from: number, to: number): boolean {
  const [first, last] = [text.charAt(from), text.charAt(to - 1)]
  const before = WORD.test(first) && WORD.test(text.charAt(from - 1))
  const after = WORD.test(last) && WORD.test(text.charAt(to))
  return !before && !after
}

function withoutOverlaps(found: readonly Reading[]): Reading[] {
  const kept: Reading[] = []
  for (const one of [...found].sort((a, b) => a.from - b.from || b.to - a.to)) {
    if (one.from >= (kept.at(-1)?.to ?? 0)) kept.push(one)
  }
  return kept
}

const indexes = new WeakMap<Slot, NameIndex>()

/** The index of a slot's list; built once for each bundle. */
export function namesOf(slot: Slot): NameIndex {
  const known = indexes.get(slot) ?? new NameIndex(slot.names ?? [])
  indexes.set(slot, known)
  return known
}
