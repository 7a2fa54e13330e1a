import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle, startBook, submitOf } from './testing/book-harness.js'
import { Reader } from './testing/reader.js'

const RUNS = 300
const STEPS = 60
const ALPHABET = ['a', 'b ', '字', '，', '😀', 'é', '\n', '\ud83d', '\ude00']

/** Numbers that look random and are the same for the same seed (mulberry32). */
function randomFrom(seed: number) {
  let state = seed
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    /** A whole number from `low` to `high`, both possible. */
    int: (low: number, high: number) => low + Math.floor(next() * (high - low + 1)),
    pick: <T>(from: readonly T[]): T => {
      const picked = from[Math.floor(next() * from.length)]
      assert.ok(picked !== undefined)
      return picked
    },
  }
}

/** One request under random pieces, credits, cuts and returns; what an edge has at the end is what was written. */
async function livesThrough(seed: number): Promise<Record<'cuts' | 'superseded' | 'frames', number>> {
  const random = randomFrom(seed)
  const { clock, book, backend, present, resume, problems } = startBook({
    config: { coalesce: { ms: 15, chars: random.int(1, 12) } },
  })
  const windowBytes = () => random.pick([0, 1, 5, 20, 100, 10_000])
  let { reader, handle } = present('r', new Reader(windowBytes()))
  await settle()
  let written = ''
  let cuts = 0
  let superseded = 0
  const actions: Record<string, () => void> = {
    write() {
      const piece = Array.from({ length: random.int(1, 30) }, () => random.pick(ALPHABET)).join('')
      written += piece
      backend.last.give(piece)
    },
    supersede() {
      if (random.int(0, 3) > 0) return
      written = ''
      superseded++
      backend.last.give({ type: 'superseded' })
    },
    wait: () => clock.advance(random.int(0, 20)),
    ack() {
      if (reader.accepts.length > 0) reader.credit(handle, random.int(0, reader.seq), windowBytes())
    },
    ackAll: () => reader.credit(handle),
    cut() {
      handle.detach()
      cuts++
    },
    // With or without a cut that the center has seen, from anywhere that the edge may have kept.
    comeBack() {
      if (reader.attempt === 0) return
      ;({ reader, handle } = resume('r', reader, random.int(0, reader.seq), windowBytes()))
    },
    restart() {
      ;({ reader, handle } = present('r', new Reader(windowBytes()), {
        submit: submitOf('question?', { windowBytes: 0 }),
      }))
      reader.windowBytes = 0
    },
  }
  const names = [
    'write',
    'write',
    'write',
    'wait',
    'wait',
    'supersede',
    'ack',
    'ackAll',
    'ackAll',
    'cut',
    'comeBack',
    'restart',
  ]
  for (let step = 0; step < STEPS; step++) {
    actions[random.pick(names)]?.()
    if (random.int(0, 2) > 0) await settle()
    assert.deepEqual(problems(), [])
  }
  backend.last.end()
  await settle()
  // What waits for a reader is read to the end over a last link.
  const from = reader.attempt === 0 ? 0 : random.int(0, reader.seq)
  ;({ reader, handle } = reader.attempt === 0 ? present('r') : resume('r', reader, from, 50))
  await settle()
  for (let turn = 0; !reader.end && turn < 10_000; turn++) reader.credit(handle)
  assert.deepEqual(problems(), [])
  assert.equal(reader.text, Buffer.from(written).toString())
  assert.equal(reader.end?.finish, 'stop')
  assert.equal(backend.runs.length, 1, 'the engine ran once')
  handle.endAck(reader.attempt)
  assert.deepEqual(book.stats(), { running: 0, queued: 0, kept: 0 })
  assert.equal(clock.pending, 0)
  return { cuts, superseded, frames: reader.frames.length }
}

test('through random credits, cuts, returns and new beginnings the text arrives whole, without a gap or a double', async () => {
  let cuts = 0
  let superseded = 0
  let frames = 0
  for (let seed = 1; seed <= RUNS; seed++) {
    try {
      const seen = await livesThrough(seed)
      cuts += seen.cuts
      superseded += seen.superseded
      frames += seen.frames
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown })
    }
  }
  // The runs are worth something only if they did cut and did stream.
  const seen = `${cuts} cuts, ${superseded} times anew, ${frames} frames`
  assert.ok(cuts > RUNS && superseded > RUNS / 2 && frames > 5 * RUNS, seen)
})
