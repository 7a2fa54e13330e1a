import { type Clock, newId } from '@yizhan/kernel'
import type { Scope } from '../storage/engine.js'
import { rowChunks } from './chunks.js'
import { filesOf, readPieces } from './folder-files.js'
import type { BackupFolder, BackupSource, Snapshot, SnapshotFile, SnapshotScope } from './port.js'
import type { Repository } from './repository.js'

export interface BackupProgress {
  readonly scopes: number
  readonly ofScopes: number
  readonly newBytes: number
}

/**
 * Writes one backup of everything that the source has at its start. `full`: every chunk anew, so that a damaged one of
 * a former backup does not live on. What breaks off leaves chunks that the next backup uses, and no snapshot.
 */
export async function createBackup(
  deps: { readonly repository: Repository; readonly source: BackupSource; readonly clock: Clock },
  options: {
    readonly folders: readonly BackupFolder[]
    readonly version: string
    readonly full?: boolean
    readonly onProgress?: (progress: BackupProgress) => void
  },
  signal: AbortSignal,
): Promise<{ readonly snapshot: Snapshot; readonly newBytes: number }> {
  const { repository, source, clock } = deps
  const full = options.full === true || (await repository.snapshotIds()).length === 0
  const startedAt = clock.wall()
  let newBytes = 0
  const written = new Set<string>()
  const put = async (bytes: Uint8Array) => {
    signal.throwIfAborted()
    // Twice in one full backup would be written twice.
    const stored = await repository.putChunk(bytes, false)
    if (full && stored.written === 0 && !written.has(stored.digest)) {
      newBytes += (await repository.putChunk(bytes, true)).written
    }
    newBytes += stored.written
    written.add(stored.digest)
    return stored.digest
  }
  const scopes: SnapshotScope[] = [await backUpScope(source, null, put, signal)]
  // Listed after the system was read: whoever the map names is among them, and whoever came later besides.
  const tenants = await source.tenants()
  for (const tenant of tenants) {
    scopes.push(await backUpScope(source, tenant, put, signal))
    options.onProgress?.({ scopes: scopes.length, ofScopes: tenants.length + 1, newBytes })
  }
  // After the rows: a file is named by its record only once all of its pieces are there.
  const files: SnapshotFile[] = []
  let vanished = 0
  for (const { folder, path, at } of await filesOf(options.folders)) {
    const content = await readPieces(at)
    if (!content) {
      vanished += 1
      continue
    }
    const chunks: string[] = []
    let bytes = 0
    for await (const piece of content.pieces) {
      chunks.push(await put(piece))
      bytes += piece.length
    }
    files.push({ folder, path, mode: content.mode, bytes, chunks })
  }
  const snapshot: Snapshot = {
    format: 1,
    id: newId('bak', startedAt),
    kind: full ? 'full' : 'incremental',
    startedAt,
    finishedAt: clock.wall(),
    version: options.version,
    scopes: scopes.filter(({ rows, tenant }) => rows > 0 || tenant === null),
    files,
    vanished,
  }
  await repository.putSnapshot(snapshot)
  return { snapshot, newBytes }
}

async function backUpScope(
  source: BackupSource,
  scope: Scope,
  put: (bytes: Uint8Array) => Promise<string>,
  signal: AbortSignal,
): Promise<SnapshotScope> {
  const chunks: string[] = []
  let rows = 0
  let bytes = 0
  for await (const chunk of rowChunks(source.rows(scope, signal))) {
    chunks.push(await put(chunk.bytes))
    rows += chunk.rows
    bytes += chunk.bytes.length
  }
  return { tenant: scope, rows, bytes, chunks }
}
