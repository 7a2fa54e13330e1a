import type { TenantId } from '@yizhan/kernel'
import type { Change, Store } from '../storage/index.js'
import { scanned } from './scanned.js'
import type { TenantFiles } from './tenant-files.js'

const FILES = 'tenant-files'
const EXTRACTS = 'tenant-extracts'
/** A stored value's limit: a larger file lies in parts. */
const PART_BYTES = 1024 * 1024
/** No path holds it. */
const PART = '\u0001'

/** The files of a tenant as they were applied. */
export async function loadFiles(store: Store, tenant: TenantId): Promise<TenantFiles> {
  const parts = new Map<string, Uint8Array[]>()
  for await (const { key, value } of scanned((options) => store.scan(tenant, FILES, options))) {
    const [path = key, number = '0'] = key.split(PART)
    const known = parts.get(path) ?? []
    parts.set(path, known)
    // Keys come in the order of their letters: the tenth part before the second.
    known[Number(number)] = value
  }
  return new Map([...parts].map(([path, values]) => [path, Buffer.concat(values)]))
}

/** The text of its documents that are not plain text, by path: extracting them again takes long. */
export async function loadExtracts(store: Store, tenant: TenantId): Promise<ReadonlyMap<string, string>> {
  const extracts = new Map<string, string>()
  for await (const { key, value } of scanned((options) => store.scan(tenant, EXTRACTS, options))) {
    extracts.set(key, Buffer.from(value).toString('utf8'))
  }
  return extracts
}

/** What a tenant's directory leaves in the store. */
export interface StoredDirectory {
  readonly files: TenantFiles
  readonly extracts: ReadonlyMap<string, string>
}

/** The changes that put one directory in place of another. */
export function directoryChanges(before: StoredDirectory, after: StoredDirectory): Change[] {
  const texts = (extracts: ReadonlyMap<string, string>) =>
    new Map([...extracts].map(([path, text]) => [path, Buffer.from(text)]))
  return [
    ...changesBetween(FILES, partsOf(before.files), partsOf(after.files)),
    ...changesBetween(EXTRACTS, texts(before.extracts), texts(after.extracts)),
  ]
}

function changesBetween(collection: string, before: TenantFiles, after: TenantFiles): Change[] {
  const gone = [...before.keys()].filter((key) => !after.has(key))
  const puts = [...after].filter(([key, value]) => {
    const old = before.get(key)
    return !old || Buffer.compare(old, value) !== 0
  })
  return [
    ...puts.map(([key, value]) => ({ op: 'put', collection, key, value }) as const),
    ...gone.map((key) => ({ op: 'delete', collection, key }) as const),
  ]
}

function partsOf(files: TenantFiles): Map<string, Uint8Array> {
  const parts = new Map<string, Uint8Array>()
  for (const [path, content] of files) {
    for (let start = 0; start === 0 || start < content.byteLength; start += PART_BYTES) {
      const key = start === 0 ? path : `${path}${PART}${start / PART_BYTES}`
      parts.set(key, content.subarray(start, start + PART_BYTES))
    }
  }
  return parts
}
