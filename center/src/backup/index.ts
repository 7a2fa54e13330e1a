export { type KeyWrapper, openBackupKeyring } from './backup-key.js'
export { type Backups, type BackupsConfig, type BackupsDeps, createBackups, SCRATCH } from './backups.js'
export { type BackupProgress, createBackup } from './create-backup.js'
export type {
  BackupFolder,
  BackupSource,
  Erasure,
  RestoreTarget,
  Snapshot,
  SnapshotFile,
  SnapshotScope,
  SnapshotSummary,
} from './port.js'
export { pruneBackups } from './prune.js'
export { Repository } from './repository.js'
export { checkAll, loadScope, type RestoreReport, type RestoreSite, restoreBackup } from './restore.js'
