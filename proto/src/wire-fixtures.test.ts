import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  createRegistry,
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import {
  file_yizhan_v1_bundles,
  file_yizhan_v1_enrollment,
  file_yizhan_v1_inference,
  file_yizhan_v1_ledger,
  file_yizhan_v1_link,
  file_yizhan_v1_message,
} from './index.js'

/** One message as JSON and as the bytes that every build has written for it since it was recorded. */
interface Fixture {
  readonly name: string
  readonly type: string
  readonly json: JsonValue
  readonly hex: string
}

const files = [
  file_yizhan_v1_bundles,
  file_yizhan_v1_enrollment,
  file_yizhan_v1_inference,
  file_yizhan_v1_ledger,
  file_yizhan_v1_link,
  file_yizhan_v1_message,
]
const registry = createRegistry(...files)
const directory = new URL('../fixtures/', import.meta.url)
const fixtures = readdirSync(directory)
  .sort()
  .flatMap((file) => {
    const cases = JSON.parse(readFileSync(new URL(file, directory), 'utf8')) as Fixture[]
    return cases.map((fixture) => ({ ...fixture, file }))
  })

function messageOf(type: string): DescMessage {
  const desc = registry.getMessage(type)
  assert.ok(desc, `${type} is a message of the wire`)
  return desc
}

for (const { file, name, type, json, hex } of fixtures) {
  test(`${file}, ${name}: the message is written as the recorded bytes`, () => {
    const desc = messageOf(type)
    const written = Buffer.from(toBinary(desc, fromJson(desc, json))).toString('hex')
    assert.equal(written, hex, `the wire changed: an older peer would misread it. Now written: ${written}`)
  })

  test(`${file}, ${name}: the recorded bytes are read as the message`, () => {
    const desc = messageOf(type)
    assert.deepEqual(toJson(desc, fromBinary(desc, Buffer.from(hex, 'hex'))), json)
  })
}

test('every field of every message of the wire is recorded', () => {
  const recorded = new Set<string>()
  for (const { type, json } of fixtures) {
    const desc = messageOf(type)
    note(reflect(desc, fromJson(desc, json)), recorded)
  }
  const all = files.flatMap((file) => file.messages).flatMap(fieldNames)
  assert.deepEqual(
    all.filter((field) => !recorded.has(field)),
    [],
    'fields without a fixture',
  )
})

test('what a newer build adds is kept by an older one that passes the message on', () => {
  const desc = messageOf('yizhan.v1.Sender')
  const newer = Buffer.from('0a01755a0568656c6c6f', 'hex')
  const message = fromBinary(desc, newer)
  assert.deepEqual(toJson(desc, message), { id: 'u' })
  assert.deepEqual(Buffer.from(toBinary(desc, message)), newer)
})

function fieldNames(message: DescMessage): string[] {
  return message.fields.map((field) => `${message.typeName}.${field.name}`)
}

/** Adds the fields that are set, here and in what they hold. */
function note(message: ReflectMessage, recorded: Set<string>): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue
    recorded.add(`${message.desc.typeName}.${field.name}`)
    for (const inner of messagesIn(message, field)) note(inner, recorded)
  }
}

function messagesIn(message: ReflectMessage, field: DescField): ReflectMessage[] {
  if (field.fieldKind === 'message') return [message.get(field)]
  if (field.fieldKind === 'list' && field.listKind === 'message') {
    return [...message.get(field)] as ReflectMessage[]
  }
  return []
}
