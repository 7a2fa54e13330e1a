import type { TenantId } from '@yizhan/kernel'
import { parseJson, YizhanError } from '@yizhan/kernel'
import type { KnowledgeDocument } from '../retrieval/index.js'
import { type Change, STORE_LIMITS, type Store } from '../storage/index.js'
import type { SourceDocument } from './read-source.js'
import type { StoredSource } from './source-collection.js'

const TEXTS = 'knowledge-texts'
const PART_BYTES = STORE_LIMITS.valueBytes
/** No name holds it. */
const PART = '\u0001'

/** The documents of a source as bytes: JSON, a line for each. */
export function textOf(documents: readonly SourceDocument[]): Uint8Array {
  return Buffer.from(documents.map((document) => JSON.stringify(document)).join('\n'))
}

/** Records that hold so many bytes. */
export function partsOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / PART_BYTES))
}

/** The changes that put a text in place of one with so many parts; undefined: that take it away. */
export function textChanges(name: string, text: Uint8Array | undefined, formerParts: number): Change[] {
  const changes: Change[] = []
  const parts = text ? partsOf(text.byteLength) : 0
  for (let part = 0; part < parts; part++) {
    const value = text?.subarray(part * PART_BYTES, (part + 1) * PART_BYTES) ?? Buffer.alloc(0)
    changes.push({ op: 'put', collection: TEXTS, key: keyOf(name, part), value })
  }
  for (let part = parts; part < formerParts; part++) {
    changes.push({ op: 'delete', collection: TEXTS, key: keyOf(name, part) })
  }
  return changes
}

/** Throws `data_corrupt` where the store has not what it says it has. */
export async function loadDocuments(
  store: Store,
  tenant: TenantId,
  source: StoredSource,
): Promise<KnowledgeDocument[]> {
  const keys = Array.from({ length: source.parts }, (_, part) => keyOf(source.name, part))
  const records = await store.getMany(tenant, TEXTS, keys)
  const bytes = Buffer.concat(records.map((record) => record?.value ?? Buffer.alloc(0)))
  if (bytes.byteLength !== source.textBytes) {
    throw new YizhanError('data_corrupt', `the text of ${source.name} is not what was stored`)
  }
  const lines = bytes.toString('utf8').split('\n')
  return lines.map((line) => indexed(source, parseJson(line) as SourceDocument))
}

/** A document as it is searched. */
export function indexed(
  { name, knowledge, class: dataClass }: Pick<StoredSource, 'name' | 'knowledge' | 'class'>,
  { id, title, text }: SourceDocument,
): KnowledgeDocument {
  return {
    id: id === undefined ? name : `${name}#${id}`,
    title,
    knowledge,
    text,
    ...(dataClass === undefined ? {} : { class: dataClass }),
  }
}

function keyOf(name: string, part: number): string {
  return `${name}${PART}${String(part).padStart(3, '0')}`
}
