import type { FileStore } from '../files/index.js'
import type { Store } from '../storage/index.js'
import type { PrivacySource } from './port.js'
import { recordsOf } from './subject-records.js'

/** Files of a person, with their content; their sealed pieces go once nothing names them any more. */
export function attachmentsSource(deps: {
  readonly files: Pick<FileStore, 'stat' | 'read' | 'sweep'>
  readonly store: Store
}): PrivacySource {
  const { files, store } = deps
  return {
    dataClass: 'attachments',
    async *collect(tenant, subject, signal) {
      const wanted = (collection: string) => collection === 'files'
      for await (const { key: id } of recordsOf(store, tenant, subject, signal, wanted)) {
        const file = await files.stat(tenant, id)
        if (!file) continue
        const { name, mediaType, sizeBytes, sha256, storedAt } = file
        const about = { name, mediaType, sizeBytes, sha256, storedAt: new Date(storedAt).toISOString() }
        yield { kind: 'file', id, about, open: (reading) => files.read(tenant, id, undefined, reading) }
      }
    },
    async erase(tenant, _subject, signal) {
      return { erased: (await files.sweep(tenant, signal)).files }
    },
    async swept(tenant, signal) {
      await files.sweep(tenant, signal)
    },
  }
}
