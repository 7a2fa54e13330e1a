import { YizhanError } from '@yizhan/kernel'
import type { Repository } from './repository.js'

/** Deletes all but the newest `keep` backups, and the chunks that no other one names. */
export async function pruneBackups(
  repository: Repository,
  keep: number,
): Promise<{ readonly deleted: readonly string[]; readonly bytes: number }> {
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new YizhanError('invalid_argument', 'the number of backups to keep is not a whole number from 1')
  }
  const ids = await repository.snapshotIds()
  const kept = ids.slice(-keep)
  const chunks = new Set<string>()
  // First all of them: one that cannot be read ends it here, before anything is deleted.
  for (const id of kept) {
    const { scopes, files } = await repository.snapshot(id)
    for (const part of [...scopes, ...files]) for (const digest of part.chunks) chunks.add(digest)
  }
  const deleted = ids.slice(0, -keep)
  for (const id of deleted) await repository.deleteSnapshot(id)
  const { bytes } = await repository.keepChunks(chunks)
  return { deleted, bytes }
}
