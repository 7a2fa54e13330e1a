import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Blobs, Bundles, Enrollment, Inference, Ledger, Link, MAX_MESSAGE_BYTES } from '@yizhan/proto'
import { gatewayConfigSchema } from './config.js'

const page = readFileSync(new URL('../../../docs/reference/protocol.md', import.meta.url), 'utf8')
/** The cells of every table row whose first cell is `first`. */
const rows = (first: string) =>
  page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, cell]) => cell === first)

test('the protocol page names every rpc and its kind', () => {
  const kinds = {
    unary: 'unary',
    server_streaming: 'server stream',
    client_streaming: 'client stream',
    bidi_streaming: 'bidirectional',
  }
  for (const service of [Blobs, Bundles, Enrollment, Inference, Ledger, Link]) {
    for (const method of service.methods) {
      const [row] = rows(`${service.name}.${method.name}`)
      assert.equal(row?.[2], kinds[method.methodKind], `${service.name}.${method.name}`)
    }
  }
})

test('the protocol page has every setting of the gateway with its default', () => {
  for (const [name, schema] of Object.entries(gatewayConfigSchema.properties)) {
    assert.deepEqual(
      rows(`\`${name}\``).map((row) => row[2]),
      [String(schema.default)],
      name,
    )
  }
})

test('the protocol page has the message limit', () => {
  assert.equal(MAX_MESSAGE_BYTES, 256 * 1_024)
  assert.match(rows('message')[0]?.[2] ?? '', /^256 KiB/)
})
