import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  create,
  type ReplyState,
  type TurnRating,
  TurnReplyKind,
  type TurnState,
  TurnStepSchema,
} from '@yizhan/proto'
import { acme } from '../privacy/testing/stand.js'
import { generator } from '../storage/isolation-model.js'
import type { Uploaded } from './port.js'
import {
  feedback,
  first,
  globex,
  record,
  reply,
  replyState,
  type Stand,
  stand,
  transition,
  turnId,
} from './testing/stand.js'
import type { TurnChange } from './turn-fold.js'

const RUNS = 25
const RECORDS = 60

/** What an edge with a few turns of two tenants may tell, in order and with gaps. */
function randomStream(int: (low: number, high: number) => number): Uploaded[] {
  const versions = new Map<string, number>()
  const ids = Array.from({ length: 6 }, (_, n) => turnId(n))
  let seq = 0
  return Array.from({ length: RECORDS }, () => {
    seq += int(1, 3)
    const n = int(0, ids.length - 1)
    const id = ids[n] ?? ''
    const of = n % 2 === 0 ? acme : globex
    const version = (versions.get(id) ?? 0) + 1
    switch (int(0, 4)) {
      case 0:
        return record(seq, reply(id, `answer ${seq}`), of)
      case 1:
        return record(seq, replyState(id, int(1, 6) as ReplyState), of)
      case 2:
        return record(seq, feedback(id, int(1, 3) as TurnRating, int(1, seq)), of)
      default: {
        versions.set(id, version)
        const text = version === 1 ? { text: `question ${n}`, tenant: of } : {}
        return record(seq, transition(id, { version, state: int(1, 15) as TurnState, ...text }), of)
      }
    }
  })
}

/** As an edge tells what it read together: one transition a turn, each reply once, where the first of them stood. */
function merged(stream: readonly Uploaded[]): Uploaded[] {
  const told: Uploaded[] = []
  const places = new Map<string, number>()
  for (const one of stream) {
    if (one.kind !== 'change' || one.change.case === 'feedback') {
      told.push(one)
      continue
    }
    const { change, upTo } = one
    const id = change.value.turnId
    const key = change.case === 'turn' ? id : `${id} ${change.value.kind}`
    const place = places.get(key)
    const before = place === undefined ? undefined : told[place]
    const joined = before?.kind === 'change' ? joinedChange(before.change, change) : undefined
    if (place !== undefined && before?.kind === 'change' && joined) {
      told[place] = { ...before, upTo, change: joined }
      continue
    }
    places.set(key, told.push(one) - 1)
    if (change.case === 'turn') places.delete(`${id} ${TurnReplyKind.FINAL}`)
  }
  return told
}

function joinedChange(before: TurnChange, after: TurnChange): TurnChange | undefined {
  if (before.case === 'turn' && after.case === 'turn' && !after.value.message) {
    const { version, state, timeMs, actor, cause, earlier } = before.value
    const step = create(TurnStepSchema, { version, state, timeMs, actor, cause })
    const { message, receivedSeq, receivedMs } = before.value
    const first = message ? { message, receivedSeq, receivedMs } : {}
    return { case: 'turn', value: { ...after.value, ...first, earlier: [...earlier, step] } }
  }
  if (before.case === 'reply' && after.case === 'reply') {
    if (!after.value.reply && after.value.state === before.value.state) return before
    const { reply } = before.value
    return { case: 'reply', value: { ...(reply ? { reply } : {}), ...after.value } }
  }
  return undefined
}

/** Sent in random pieces, from a random point again after each cut, sometimes to a center that was restarted. */
async function sendBroken(center: Stand, stream: readonly Uploaded[], int: (a: number, b: number) => number) {
  let at = 0
  while (at < stream.length) {
    const end = Math.min(stream.length, at + int(1, 12))
    if (int(0, 9) === 0) await center.restart()
    const { seq } = await center.parts.replica.open(first)
    assert.ok(at === 0 || seq > 0n)
    const piece = stream.slice(at, end)
    await center.parts.replica.take(first, int(0, 1) === 0 ? piece : merged(piece))
    // The acknowledgement got lost, or did not.
    at = int(0, 2) === 0 ? Math.max(0, end - int(0, 20)) : end
  }
  // What stands behind the last that was told moves the position with the next record alone.
  await center.parts.replica.take(first, stream.slice(-1))
}

test('any split, repetition and merging of a stream of records gives the same replica', async (t) => {
  let turns = 0
  for (let seed = 1; seed <= RUNS; seed++) {
    const { below } = generator(seed)
    const int = (low: number, high: number) => low + below(high - low + 1)
    const stream = randomStream(int)
    const [whole, broken] = [await stand(t), await stand(t)]
    await whole.parts.replica.open(first)
    for (const one of stream) await whole.parts.replica.take(first, [one])
    await sendBroken(broken, stream, int)
    for (const of of [acme, globex]) {
      const expected = await whole.all(of)
      const got = await broken.all(of)
      assert.equal(got.length, expected.length, `seed ${seed}`)
      // Marks differ by key.
      const bare = (list: typeof got) => list.map(({ conversation: _mark, ...turn }) => turn)
      assert.deepEqual(bare(got), bare(expected), `seed ${seed}`)
      turns += got.length
    }
    assert.deepEqual(
      (await broken.parts.replica.open(first)).seq,
      (await whole.parts.replica.open(first)).seq,
    )
  }
  assert.ok(turns > RUNS, 'the streams told of no turns')
})
