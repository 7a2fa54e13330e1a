import { join } from 'node:path'
import { createSealer, type DataKey, type SealedFiles, sealedFiles, sha256Hex } from '@yizhan/kernel'
import { bundleReader } from '../bundle-cache.js'

const key: DataKey = { id: Buffer.alloc(8, 1), secret: Buffer.alloc(32, 2) }

/** For tests: files that are sealed with one key, the same for all. */
export const testFiles: SealedFiles = sealedFiles(
  createSealer({ keyring: { sealingKey: () => key, openingKey: () => key } }),
  'edge-file',
)

/** The text of a bundle's file, found by the text that it should have. */
export async function contentOf(dir: string | undefined, name: string, expected: string): Promise<string> {
  return (await bundleReader(testFiles)(join(dir ?? '', name), sha256Hex(expected))).toString()
}
