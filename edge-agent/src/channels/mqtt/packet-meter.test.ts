import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PacketMeter } from './packet-meter.js'

const limits = { maxBytesBeforeLogin: 1_000, maxPacketBytes: 500 }
const ping = Buffer.from([0xc0, 0x00])
const publish = (length: number) => {
  const head = length < 128 ? [0x30, length] : [0x30, (length & 0x7f) | 0x80, length >> 7]
  return Buffer.concat([Buffer.from(head), Buffer.alloc(length, 0x80)])
}

test('a header that announces too much is refused before its body comes', () => {
  assert.equal(new PacketMeter(limits).accept(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])), 'too_large')
  assert.equal(new PacketMeter(limits).accept(publish(497)), 'ok')
  assert.equal(new PacketMeter(limits).accept(publish(498)), 'too_large')
})

test('a length that never ends is malformed', () => {
  const meter = new PacketMeter({ ...limits, maxPacketBytes: 2 ** 40 })
  assert.equal(meter.accept(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff])), 'malformed')
})

test('before the log-in a connection may send so much in all and no more', () => {
  const meter = new PacketMeter(limits)
  const many = Buffer.concat(Array.from({ length: 10 }, () => publish(98)))
  assert.equal(meter.accept(many), 'ok')
  assert.equal(meter.accept(ping), 'too_large')
  const known = new PacketMeter(limits)
  known.loggedIn()
  for (let i = 0; i < 10; i++) assert.equal(known.accept(many), 'ok')
})

test('frames are followed however the bytes are cut', () => {
  const stream = Buffer.concat([publish(200), ping, publish(0), publish(127), publish(128), ping])
  for (const size of [1, 2, 3, 7, 64, stream.length]) {
    const meter = new PacketMeter(limits)
    meter.loggedIn()
    for (let at = 0; at < stream.length; at += size) {
      assert.equal(meter.accept(stream.subarray(at, at + size)), 'ok', `${size} at ${at}`)
    }
    assert.equal(meter.accept(Buffer.from([0x30, 0xff, 0xff, 0x7f])), 'too_large', `${size}`)
  }
})
