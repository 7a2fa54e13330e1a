import { canonicalJson, sha256Hex } from '@yizhan/kernel'
import { DEFAULT_SAMPLING } from './sampling.js'
import type { TenantSource } from './source.js'

export type ObjectKind =
  | 'setting'
  | 'intent'
  | 'card'
  | 'document'
  | 'knowledge'
  | 'persona'
  | 'handoff'
  | 'channel'
  | 'site'
  | 'task'
  | 'test'

export interface ObjectName {
  readonly kind: ObjectKind
  /** Unique in its kind: an intent id, a card's name, a path. */
  readonly name: string
}

export interface ObjectChange extends ObjectName {
  readonly change: 'added' | 'changed' | 'removed'
  /** Of a changed one: what of it, such as `reply` or `questions +2 -1`. */
  readonly parts?: readonly string[]
}

/** An object by its parts; two are the same if every part is. */
type Parts = Readonly<Record<string, unknown>>

/** What differs between two directories, object by object, in the order of the kinds and names; `before` undefined: all is new. */
export function differenceBetween(before: TenantSource | undefined, after: TenantSource): ObjectChange[] {
  const changes: ObjectChange[] = []
  const [old, now] = [before ? objectsOf(before) : [], objectsOf(after)]
  for (const kind of KINDS) {
    const was = new Map(old.flatMap((one) => (one.kind === kind ? [[one.name, one.parts]] : [])))
    const is = new Map(now.flatMap((one) => (one.kind === kind ? [[one.name, one.parts]] : [])))
    for (const name of [...new Set([...was.keys(), ...is.keys()])].sort()) {
      const [a, b] = [was.get(name), is.get(name)]
      if (a === undefined) changes.push({ kind, name, change: 'added' })
      else if (b === undefined) changes.push({ kind, name, change: 'removed' })
      else {
        const parts = changedParts(a, b)
        if (parts.length > 0) changes.push({ kind, name, change: 'changed', parts })
      }
    }
  }
  return changes
}

const KINDS: readonly ObjectKind[] = [
  'setting',
  'intent',
  'card',
  'knowledge',
  'document',
  'persona',
  'handoff',
  'channel',
  'site',
  'task',
  'test',
]

interface ObjectOf extends ObjectName {
  readonly parts: Parts
}

function objectsOf(source: TenantSource) {
  const { file, examples, documents, encoder, sampling, persona, channels, sites } = source
  const { tasks, tests, quotas, aiMark, documentClasses } = source
  const objects: ObjectOf[] = []
  const add = (kind: ObjectKind, name: string, parts: Parts) => objects.push({ kind, name, parts })
  const asks = new Map<string, string[]>()
  for (const { text, intent } of examples) asks.set(intent, [...(asks.get(intent) ?? []), text])
  const { name, languages, operatingPoint, timezone, welcome, messages } = file
  for (const [key, value] of Object.entries({ name, languages, operatingPoint, timezone, welcome })) {
    if (value !== undefined) add('setting', key, { value })
  }
  for (const { id, ...parts } of file.privacy?.purposes ?? []) add('setting', `privacy.purposes.${id}`, parts)
  if (quotas) add('setting', 'quotas', { value: quotas })
  if (aiMark) add('setting', 'aiMark', { value: aiMark })
  for (const [name, readers] of Object.entries(documentClasses ?? {}))
    add('setting', `documentClasses.${name}`, { ...readers })
  if (file.privacy) {
    const { purposes: _, ...rest } = file.privacy
    for (const [key, value] of Object.entries(rest)) add('setting', `privacy.${key}`, { value })
  }
  for (const [key, value] of Object.entries(messages)) add('setting', `messages.${key}`, { value })
  for (const [id, { reply, offline, slots }] of Object.entries(file.intents)) {
    add('intent', id, { questions: asks.get(id) ?? [], reply, offline, slots })
  }
  for (const [card, parts] of Object.entries(file.cards ?? {})) add('card', card, parts)
  for (const { name: handoff, ...parts } of file.handoffs ?? []) add('handoff', handoff, parts)
  for (const { id, title, knowledge, class: dataClass, text } of documents) {
    add('document', id, { title, knowledge, class: dataClass, text: sha256Hex(Buffer.from(text)) })
  }
  if (encoder) {
    const { onnx, tokenizer, ...settings } = encoder
    add('setting', 'encoder', { ...settings, model: sha256Hex(onnx), tokenizer: sha256Hex(tokenizer) })
  }
  if (sampling !== DEFAULT_SAMPLING) add('setting', 'samples', { ...sampling })
  if (persona) add('persona', 'persona', { text: persona })
  for (const { name: channel, ...parts } of channels) add('channel', channel, parts)
  for (const { site, ...parts } of sites) add('site', site, parts)
  for (const task of tasks) add('task', task.task_id, { ...task })
  for (const { say, expect } of tests) add('test', say, { expect })
  return objects
}

function changedParts(before: Parts, after: Parts): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return keys.flatMap((key) => {
    if (sameValue(before[key], after[key])) return []
    return key === 'questions' ? questionsPart(before[key], after[key]) : [key]
  })
}

function questionsPart(before: unknown, after: unknown): string[] {
  const [was, is] = [new Set(asList(before)), new Set(asList(after))]
  const added = [...is].filter((text) => !was.has(text)).length
  const removed = [...was].filter((text) => !is.has(text)).length
  // Only their order differs: the same intent.
  if (added + removed === 0) return []
  return [`questions${added > 0 ? ` +${added}` : ''}${removed > 0 ? ` -${removed}` : ''}`]
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b
  return canonicalJson(a) === canonicalJson(b)
}
