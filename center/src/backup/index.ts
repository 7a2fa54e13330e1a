export { type BackupProgress, createBackup } from './create-backup.js'
export type {
  BackupFolder,
  BackupSource,
  Erasure,
  RestoreTarget,
  Snapshot,
  SnapshotFile,
  SnapshotScope,
} from './port.js'
export { pruneBackups } from './prune.js'
export { Repository } from './repository.js'
export { checkAll, loadScope, type RestoreReport, type RestoreSite, restoreBackup } from './restore.js'
