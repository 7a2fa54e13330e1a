import type { TenantId } from '@yizhan/kernel'

/** A file of a tenant, as it is told of. */
export interface StoredFile {
  /** Random. */
  readonly id: string
  readonly name: string
  readonly mediaType: string
  readonly sizeBytes: number
  /** Hex SHA-256 of the content. */
  readonly sha256: string
  /** Hex root of the digest tree over the sealed pieces: what lies on disk is checked without a key. */
  readonly root: string
  readonly pieces: number
  /** Of the content in each piece but the last. */
  readonly pieceBytes: number
  /** Milliseconds since the Unix epoch. */
  readonly storedAt: number
  /** Blind mark of the content, in an index. */
  readonly mark?: string
  readonly subject?: string
  readonly expiresAt?: number
}

export interface NewFile {
  readonly name: string
  readonly mediaType: string
  /** Whose data it is: sealed by this person's key. */
  readonly subject?: string
  readonly expiresAt?: number
  readonly actor: string
  readonly requestId?: string
}

/** Bytes `start` to `end`, both inclusive and from 0, as HTTP ranges are. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Where sealed pieces lie. A piece is written once and never changed. */
export interface PieceStore {
  /** Durable when it resolves. `disk_full`, `storage_failed`. */
  put(tenant: TenantId, file: string, index: number, sealed: Uint8Array): Promise<void>
  /** Undefined: it is not there. */
  get(tenant: TenantId, file: string, index: number): Promise<Uint8Array | undefined>
  /** All pieces of a file, however many there are; idempotent. */
  delete(tenant: TenantId, file: string): Promise<void>
  /** Ids of the files that have pieces here. */
  files(tenant: TenantId): Promise<readonly string[]>
}

/**
 * Files in sealed pieces. Every method names the tenant; another's files are not there. `not_found`, `too_large`,
 * `data_corrupt` for a piece that is damaged, missing or another's.
 */
export interface FileStore {
  /** All of it or nothing, with its audit entry. A broken-off content leaves no file. */
  put(
    tenant: TenantId,
    file: NewFile,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<StoredFile>
  stat(tenant: TenantId, id: string): Promise<StoredFile | undefined>
  /** Files with this content (hex SHA-256), the newest first; of those that were stored before there were marks none. */
  withContent(tenant: TenantId, sha256: string): Promise<readonly StoredFile[]>
  /** The content, or a range of it, piece by piece; only the pieces of the range are read. `invalid_argument` beyond the end. */
  read(
    tenant: TenantId,
    id: string,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>
  list(
    tenant: TenantId,
    options?: { readonly cursor?: string; readonly limit?: number },
  ): Promise<{ readonly files: readonly StoredFile[]; readonly cursor?: string }>
  delete(
    tenant: TenantId,
    id: string,
    by: { readonly actor: string; readonly requestId?: string },
  ): Promise<void>
  /** Holds every piece against the digest tree, without opening any. Returns the numbers of the bad ones. */
  check(tenant: TenantId, id: string, signal: AbortSignal): Promise<readonly number[]>
  /** Deletes pieces that belong to no file: of an upload that broke off, of a file that was erased or has expired. */
  sweep(tenant: TenantId, signal: AbortSignal): Promise<{ readonly files: number }>
}
