import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ManualClock, plainSealer, type YizhanError } from '@yizhan/kernel'
import { testSealer } from '../privacy/testing.js'
import type { Journal } from './journal.js'
import { SEGMENTS } from './segments/index.js'
import { MemoryHost } from './segments/memory-host.js'
import { openTestJournal, random, temporaryDir } from './testing.js'

const DEDUPE_MS = 5_000
const RETENTION_MS = 3_000

/** What the journal has to hold. Texts are unique. */
class Model {
  /** What a position may hold: more than one after commits that nobody was told of. */
  readonly texts = new Map<number, Set<string>>()
  readonly acked = new Set<number>()
  readonly keys = new Map<string, { readonly value: string; readonly age: number }>()
  low = 1
  top = 0
  settled = 1
  keysFrom = 0

  tried(seq: number, text: string): void {
    this.texts.set(seq, (this.texts.get(seq) ?? new Set()).add(text))
  }

  took(seq: number, text: string, lazy: boolean): void {
    assert.ok(seq > this.top, `position ${seq} was given before`)
    this.texts.set(seq, new Set([text]))
    if (!lazy) this.acked.add(seq)
  }
}

class Run {
  readonly model = new Model()
  readonly host: MemoryHost
  readonly clock = new ManualClock()
  readonly #t: TestContext
  readonly #dir: string
  readonly #next: (below: number) => number
  readonly #sealed: boolean
  readonly #flips: boolean
  #journal: Journal | undefined
  #made = 0
  #flipped = false

  constructor(t: TestContext, dir: string, seed: number) {
    this.#t = t
    this.#dir = dir
    const next = random(seed * 7_919)
    this.#next = (below) => Math.floor(next() * below)
    this.#sealed = seed % 2 === 0
    this.#flips = seed % 4 >= 2
    this.host = new MemoryHost(next)
  }

  async step(): Promise<void> {
    const dice = this.#next(100)
    if (dice < 55) await this.#append()
    else if (dice < 65) this.clock.advance(this.#next(1_500))
    else if (dice < 72) await this.#prune()
    else if (dice < 78) await this.#replace()
    else if (dice < 82) this.host.free = this.#next(2) ? this.#next(2_000) : Number.POSITIVE_INFINITY
    else if (dice < 84) this.host.failsAfter = this.#next(20)
    else if (dice < 92) await this.#restart('cut')
    else if (dice < 96) await this.#restart('kill')
    else await this.#restart('close')
  }

  async open(): Promise<void> {
    const { journal } = await openTestJournal(this.#t, this.#dir, {
      host: this.host,
      clock: this.clock,
      segmentBytes: 1_500,
      preallocate: this.#next(2) === 0,
      sealer: this.#sealed ? testSealer : plainSealer,
    })
    this.#journal = journal
    await this.#check(journal)
  }

  async #append(): Promise<void> {
    const journal = this.#journal ?? assert.fail()
    const several = Array.from({ length: 1 + this.#next(4) }, () => {
      const text = `-${this.#made++}-${'x'.repeat(this.#next(120))}.`
      const key = `key-${this.#made}`
      const lazy = this.#next(3) === 0
      return { texts: this.#next(3) === 0 ? [`a${text}`, `b${text}`] : [`a${text}`], key, lazy }
    })
    // Positions of a commit that fails are the next ones, in the order of the asking.
    const guess = several.flatMap(({ texts }) => texts)
    for (const [i, text] of guess.entries())
      for (let at = 0; at <= i; at++) this.model.tried(journal.next + at, text)
    const age = journal.age()
    const done = await Promise.allSettled(
      several.map(({ texts, key, lazy }) =>
        journal.append(
          texts.map((text) => Buffer.from(text)),
          { lazy, dedupe: { key, value: `v-${key}` } },
        ),
      ),
    )
    for (const [i, { texts, key, lazy }] of several.entries()) {
      const one = done[i]
      if (one?.status !== 'fulfilled') continue
      for (const [n, text] of texts.entries()) this.model.took(one.value + n, text, lazy)
      // What was lazy may go with a power cut, and its position to another.
      if (lazy) continue
      this.model.top = one.value + texts.length - 1
      this.model.keys.set(key, { value: `v-${key}`, age })
      assert.equal(journal.known(key), `v-${key}`)
    }
    await this.#survive(done.flatMap((one) => (one.status === 'rejected' ? [one.reason] : [])))
  }

  async #prune(): Promise<void> {
    const journal = this.#journal ?? assert.fail()
    const { model } = this
    const before = Math.max(1, journal.next - this.#next(6))
    const failed = await journal.prune({ before, olderThanMs: RETENTION_MS, dedupeMs: DEDUPE_MS }).then(
      () => [],
      (thrown: unknown) => [thrown],
    )
    model.keysFrom = Math.max(model.keysFrom, journal.age() - DEDUPE_MS)
    model.settled = Math.max(model.settled, before)
    if (failed.length === 0) {
      assert.ok(journal.settled >= before)
      await this.#check(journal)
    }
    await this.#survive(failed)
  }

  async #replace(): Promise<void> {
    const journal = this.#journal ?? assert.fail()
    const { model } = this
    const replacements = []
    const replaced = []
    for await (const one of journal.scan(1)) {
      if (one.kind === 'record' && this.#next(5) === 0) {
        const { seq, age } = one
        replaced.push(`${Buffer.from(one.bytes)}`)
        replacements.push({ seq, age, bytes: Buffer.from(`other-${this.#made++}.`) })
      }
    }
    const failed = await journal.replace(replacements, { whole: this.#next(2) === 0 }).then(
      () => [],
      (thrown: unknown) => [thrown],
    )
    for (const { seq, bytes } of replacements) {
      if (failed.length === 0) {
        model.texts.set(seq, new Set([`${bytes}`]))
      } else model.tried(seq, `${bytes}`)
    }
    if (failed.length === 0) {
      await this.#check(journal)
      if (!this.#sealed) await this.#findNone(replaced)
    }
    await this.#survive(failed)
  }

  async #findNone(texts: readonly string[]): Promise<void> {
    if (texts.length === 0) return
    for (const path of this.host.paths()) {
      const bytes = (await this.host.read(path)) ?? Buffer.alloc(0)
      for (const text of texts) assert.ok(!bytes.includes(text), `${text} is in ${path}`)
    }
  }

  /** A dead journal is started again; a full disk is not worth a start. */
  async #survive(reasons: readonly unknown[]): Promise<void> {
    const codes = reasons.map((thrown) => (thrown as YizhanError).code)
    for (const code of codes) assert.ok(['disk_full', 'storage_failed'].includes(code), String(reasons[0]))
    if (codes.includes('storage_failed')) await this.#restart(this.#next(2) ? 'cut' : 'kill')
  }

  async #restart(how: 'cut' | 'kill' | 'close'): Promise<void> {
    const journal = this.#journal ?? assert.fail()
    this.host.free = Number.POSITIVE_INFINITY
    if (how === 'close') {
      this.host.failsAfter = Number.POSITIVE_INFINITY
      await journal.close()
    } else {
      if (how === 'cut') this.host.cutPower()
      else this.host.kill()
      await journal.close()
      this.host.failsAfter = Number.POSITIVE_INFINITY
    }
    // A flip on top of a power cut may hide from the head mark.
    if (this.#flips && how !== 'cut' && this.#next(2) === 0) this.#flip()
    await this.open()
  }

  #flip(): void {
    const paths = this.host.paths().filter((path) => path.startsWith(join(this.#dir, SEGMENTS)))
    const path = paths[this.#next(paths.length)] ?? assert.fail()
    this.host.edit(path, (bytes) => {
      const at = this.#next(bytes.length)
      if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#next(8))
    })
    this.#flipped = true
  }

  async #check(journal: Journal): Promise<void> {
    const { model } = this
    const found = new Set<number>()
    let last = 0
    const losses: string[] = []
    for await (const one of journal.scan(1)) {
      const [from, to] = one.kind === 'lost' ? [one.from, one.to] : [one.seq, one.seq]
      if (last === 0) {
        assert.ok(from >= model.low, `${from} was forgotten`)
        model.low = from
      } else assert.equal(from, last + 1, 'nothing is missing unsaid')
      assert.ok(to >= from)
      last = to
      if (one.kind === 'lost') losses.push(`${from}-${to} of ${journal.next}, low ${model.low}`)
      else {
        found.add(one.seq)
        assert.ok(model.texts.get(one.seq)?.has(`${Buffer.from(one.bytes)}`), `another text at ${one.seq}`)
      }
      for (let seq = from; seq <= to; seq++) if (one.kind === 'lost') found.add(seq)
    }
    if (last === 0) model.low = journal.next
    else assert.equal(journal.next, last + 1)
    for (const seq of model.acked)
      assert.ok(found.has(seq) || seq < model.low, `${seq} was acked and is gone`)
    if (this.#flipped) return
    assert.deepEqual(losses, [], 'nothing was damaged')
    for (const seq of model.acked) {
      assert.ok(seq >= model.low || seq < model.settled, `${seq} was forgotten before its time`)
    }
    for (const [key, { value, age }] of model.keys) {
      const known = journal.known(key)
      if (age >= model.keysFrom) assert.equal(known, value, `${key} of ${age}, from ${model.keysFrom}`)
      else assert.ok(known === undefined || known === value)
    }
  }
}

for (let seed = 1; seed <= 12; seed++) {
  test(`any order of appends, faults, erasures and restarts keeps what was acked (seed ${seed})`, async (t) => {
    const run = new Run(t, await temporaryDir(t), seed)
    await run.open()
    for (let step = 0; step < 120; step++) await run.step()
  })
}
