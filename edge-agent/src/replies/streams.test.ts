import assert from 'node:assert/strict'
import { test } from 'node:test'
import { turnOf } from '../channels/mqtt/testing.js'
import type { Delta, Watcher } from '../channels/port.js'
import { StreamedText } from '../chat/streamed-text.js'
import { Streams } from './streams.js'
import { HeldChannel } from './testing.js'

const ROOM = 'acme/mqtt/li/c1'

/** A screen that puts together what it is shown. */
function screen() {
  const text = new StreamedText()
  const deltas: Delta[] = []
  const take = (turnId: string, delta: Delta) => {
    deltas.push(delta)
    text.take({ turnId, ...delta })
  }
  const watcher: Watcher = { wants: () => true, show: (turn, delta) => take(turn.id, delta) }
  return { deltas, take, watcher, shown: () => text.text }
}

class Screens extends HeldChannel {
  override readonly id = 'mqtt' as 'web'
  readonly screens: ReturnType<typeof screen>[] = []

  override delta(turn: Parameters<HeldChannel['delta']>[0], delta: Delta): boolean {
    if (!this.slow) for (const one of this.screens) one.take(turn.id, delta)
    return !this.slow
  }

  join(streams: Streams): void {
    const one = screen()
    this.screens.push(one)
    streams.showTo(this, one.watcher)
  }
}

test('who comes into a running answer gets one snapshot, and the next pieces follow on it', () => {
  const streams = new Streams(undefined)
  const channel = new Screens()
  const turn = turnOf(ROOM, 'q1')
  streams.show(channel, turn, { attempt: 1, seq: 1, text: 'Open ' })
  streams.show(channel, turn, { attempt: 1, seq: 2, text: 'Secure ' })
  channel.join(streams)
  streams.show(channel, turn, { attempt: 1, seq: 3, text: 'Access' })
  assert.deepEqual(channel.screens[0]?.deltas, [
    { attempt: 1, seq: 2, text: 'Open Secure ', snapshot: true },
    { attempt: 1, seq: 3, text: 'Access' },
  ])
})

test('there is no snapshot of what has shown nothing, has ended, or is of another chat or channel', () => {
  const streams = new Streams(undefined)
  const channel = new Screens()
  const turn = turnOf(ROOM, 'q1')
  channel.slow = true
  streams.show(channel, turn, { attempt: 1, seq: 1, text: 'held' })
  channel.join(streams)
  channel.slow = false
  streams.show(channel, turn, { attempt: 1, seq: 2, text: ' back' })
  assert.deepEqual(channel.screens[0]?.deltas, [{ attempt: 1, seq: 1, text: 'held back' }])

  const shown: string[] = []
  const show = (_turn: unknown, { text }: Delta) => shown.push(text)
  streams.showTo(channel, { wants: () => false, show })
  streams.showTo(new HeldChannel(), { wants: () => true, show })
  streams.end(turn.id)
  streams.showTo(channel, { wants: () => true, show })
  assert.deepEqual(shown, [])
  assert.equal(streams.size, 0)
})

test('a snapshot is of the attempt of now', () => {
  const streams = new Streams(undefined)
  const channel = new Screens()
  const turn = turnOf(ROOM, 'q1')
  streams.show(channel, turn, { attempt: 1, seq: 1, text: 'wrong' })
  streams.show(channel, turn, { attempt: 2, seq: 1, text: 'right' })
  streams.show(channel, turn, { attempt: 1, seq: 2, text: '!' })
  channel.join(streams)
  assert.deepEqual(channel.screens[0]?.deltas, [{ attempt: 2, seq: 1, text: 'right', snapshot: true }])
})

test('more text than a final may hold is not kept', () => {
  const streams = new Streams(undefined)
  const channel = new Screens()
  const turn = turnOf(ROOM, 'q1')
  const half = 'x'.repeat(channel.capabilities.maxBytes / 2)
  streams.show(channel, turn, { attempt: 1, seq: 1, text: half })
  streams.show(channel, turn, { attempt: 1, seq: 2, text: half })
  channel.join(streams)
  assert.equal(channel.screens[0]?.shown().length, channel.capabilities.maxBytes)
  streams.show(channel, turn, { attempt: 1, seq: 3, text: '!' })
  channel.join(streams)
  assert.deepEqual(channel.screens[1]?.deltas, [])
})

test('whenever somebody comes and however slow the channel is, nothing is missing and nothing comes twice', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = generator(seed)
    const streams = new Streams(undefined)
    const channel = new Screens()
    const turn = turnOf(ROOM, `q${seed}`)
    let attempt = 1
    let seq = 0
    let whole = ''
    for (let step = 0; step < 60; step++) {
      const dice = random()
      if (dice < 0.15) channel.join(streams)
      else if (dice < 0.35) channel.slow = !channel.slow
      else if (dice < 0.38) {
        attempt += 1
        seq = 0
        whole = ''
      } else {
        seq += 1
        const text = `${attempt}.${seq} `
        whole += text
        streams.show(channel, turn, { attempt, seq, text })
        if (channel.slow) continue
        for (const one of channel.screens) assert.equal(one.shown(), whole, `seed ${seed}, step ${step}`)
      }
    }
  }
})

function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}
