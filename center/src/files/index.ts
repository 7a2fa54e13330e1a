export { createFileStore, type FileStoreConfig, type FileStoreDeps } from './file-store.js'
export { pieceDirectories } from './piece-directories.js'
export type { ByteRange, FileStore, NewFile, PieceStore, StoredFile } from './port.js'
