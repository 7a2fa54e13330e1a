import { YizhanError } from '@yizhan/kernel'
import type { TenantFiles } from '../../tenants/index.js'

/** Of files in base64, and room for their paths. */
export const MAX_FILES_ANSWER_BYTES = 48 * 1024 * 1024
/** Training waits behind other applies, and a large directory takes a while. */
export const APPLY_TIMEOUT_MS = 15 * 60_000

/** The files of a directory by path, in base64: how they travel. */
export type SentFiles = Readonly<Record<string, string>>

export function sentFiles(files: TenantFiles): SentFiles {
  return Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')]))
}

/** Throws `data_corrupt` for a path that would lead out of a directory. */
export function receivedFiles(sent: SentFiles): Map<string, Uint8Array> {
  return new Map(
    Object.entries(sent).map(([path, text]) => {
      if (!isInside(path)) throw new YizhanError('data_corrupt', `no path of a tenant directory: ${path}`)
      return [path, Buffer.from(text, 'base64')]
    }),
  )
}

function isInside(path: string): boolean {
  return path.split('/').every((part) => !['', '.', '..'].includes(part) && !part.includes('\0'))
}
