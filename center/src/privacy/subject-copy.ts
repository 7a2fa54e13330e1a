import type { Readable } from 'node:stream'
import { type Clock, parseJson, type TenantId } from '@yizhan/kernel'
import type { Store, StoredRecord } from '../storage/index.js'
import { privacyEntry } from './audit-entry.js'
import type { Consents } from './consents.js'
import { classOfCollection, DATA_CLASSES } from './data-classes.js'
import { type PrivacyPolicies, retentionOf } from './policy.js'
import type { By, ExportItem, PrivacySource } from './port.js'
import type { SubjectDirectory } from './subject-directory.js'
import { countRecordsOf, recordsOf } from './subject-records.js'
import { type AddEntry, type ZipEntry, zipStream } from './zip-stream.js'

export interface SubjectCopiesDeps {
  readonly store: Store
  readonly subjects: SubjectDirectory
  readonly consents: Consents
  readonly policies: PrivacyPolicies
  /** They take the place of the store's own records of their class. */
  readonly sources: readonly PrivacySource[]
  readonly clock: Clock
}

type FileItem = Extract<ExportItem, { kind: 'file' }>

interface Whose {
  readonly tenant: TenantId
  /** All ids of the person, the main one first. */
  readonly ids: readonly string[]
}

/** Copies of what is held of a person, machine-readable: `manifest.json`, `data/<class>.jsonl`, `attachments/`, `SHA256SUMS`. */
export class SubjectCopies {
  readonly #deps: SubjectCopiesDeps

  constructor(deps: SubjectCopiesDeps) {
    this.#deps = deps
  }

  /**
   * A zip that is made while it is read, in bounded memory; undefined for an unknown person. That it was read is in the
   * audit before its first byte. Once it is aborted, or breaks off, the zip has no end and does not open.
   */
  async open(tenant: TenantId, subject: string, by: By, signal: AbortSignal): Promise<Readable | undefined> {
    const { subjects, store, clock } = this.#deps
    const known = await subjects.get(tenant, subject)
    if (!known) return undefined
    const ids = [known.id, ...known.also]
    const entry = privacyEntry(clock, by, 'READ', `subjects/${known.id}`, { after: { copy: ids } })
    await store.batch(tenant, [], entry)
    const whose = { tenant, ids }
    return zipStream(new Date(clock.wall()), (add) => this.#fill(add, whose, signal), signal)
  }

  async #fill(add: AddEntry, whose: Whose, signal: AbortSignal): Promise<void> {
    const classes: Record<string, unknown>[] = []
    const entries: ZipEntry[] = []
    for (const dataClass of await this.#classes(whose, signal)) {
      let count = 0
      const files: FileItem[] = []
      async function* lines(items: AsyncIterable<ExportItem>) {
        for await (const item of items) {
          count++
          if (item.kind === 'file') files.push(item)
          const value = item.kind === 'file' ? { file: attachmentPath(item), ...item.about } : item.value
          yield Buffer.from(`${JSON.stringify(value)}\n`)
        }
      }
      const entry = await add(`data/${dataClass}.jsonl`, lines(this.#items(dataClass, whose, signal)))
      entries.push(entry)
      for (const file of files) entries.push(await add(attachmentPath(file), file.open(signal)))
      classes.push({ class: dataClass, records: count, files: files.length, path: entry.path })
    }
    const manifest = await this.#manifest(whose, classes)
    entries.push(await add('manifest.json', once(`${JSON.stringify(manifest, undefined, 2)}\n`)))
    const sums = entries.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('')
    await add('SHA256SUMS', once(sums))
  }

  /** Those that hold something in the store, and those of the sources. */
  async #classes({ tenant, ids }: Whose, signal: AbortSignal): Promise<string[]> {
    const found = new Set(this.#deps.sources.map(({ dataClass }) => dataClass))
    for (const id of ids) {
      const counts = await countRecordsOf(this.#deps.store, tenant, id, signal)
      for (const collection of Object.keys(counts)) found.add(classOfCollection(collection))
    }
    return [...found].sort()
  }

  async *#items(dataClass: string, { tenant, ids }: Whose, signal: AbortSignal): AsyncIterable<ExportItem> {
    const source = this.#deps.sources.find((one) => one.dataClass === dataClass)
    const wanted = (collection: string) => classOfCollection(collection) === dataClass
    for (const id of ids) {
      if (source) yield* source.collect(tenant, id, signal)
      else {
        const records = recordsOf(this.#deps.store, tenant, id, signal, wanted)
        for await (const record of records) yield { kind: 'record', value: shown(record) }
      }
    }
  }

  async #manifest({ tenant, ids }: Whose, classes: readonly Record<string, unknown>[]) {
    const { clock, consents, policies } = this.#deps
    const privacy = await policies.of(tenant)
    const purposes = await Promise.all(
      (privacy?.purposes ?? []).map(async ({ id, title, basis, version, crossBorder, recipients }) => ({
        id,
        title,
        basis,
        noticeVersion: version,
        crossBorder,
        recipients: recipients ?? [],
        use: await consents.mayUse(tenant, ids, id),
      })),
    )
    return {
      format: 1,
      tenant,
      subject: ids[0],
      ids,
      madeAt: new Date(clock.wall()).toISOString(),
      ...(privacy?.contact === undefined ? {} : { contact: privacy.contact }),
      purposes,
      contents: classes,
      retention: DATA_CLASSES.map(({ id, title, lies, exported, erased }) => ({
        class: id,
        title,
        lies,
        keptMs: retentionOf(privacy, id),
        exported,
        erased,
      })),
    }
  }
}

function attachmentPath({ id }: FileItem): string {
  // Never a person's own name of a file: it could lead out of the directory that the zip is unpacked in.
  return `attachments/${/^[a-z0-9_-]{1,64}$/.test(id) ? id : 'unnamed'}`
}

function shown(record: StoredRecord & { readonly collection: string }): Record<string, unknown> {
  const { collection, key, version, value, expiresAt } = record
  return {
    collection,
    key,
    version,
    ...(expiresAt === undefined ? {} : { keptUntil: new Date(expiresAt).toISOString() }),
    ...content(value),
  }
}

/** JSON as it is, text as text, anything else in base64. */
function content(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length === 0) return {}
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') }
  }
  try {
    return { value: parseJson(text) }
  } catch {
    return { text }
  }
}

async function* once(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text)
}
