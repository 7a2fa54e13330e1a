import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parseJson, YizhanError } from '@yizhan/kernel'
import type { StoredFile } from './port.js'

const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Count = Type.Integer({ minimum: 0 })
const Manifest = Type.Object({
  id: Type.String({ minLength: 1 }),
  name: Type.String({ minLength: 1 }),
  mediaType: Type.String({ minLength: 1 }),
  sizeBytes: Count,
  sha256: Digest,
  root: Digest,
  pieces: Count,
  pieceBytes: Type.Integer({ minimum: 1 }),
  storedAt: Count,
  subject: Type.Optional(Type.String()),
  expiresAt: Type.Optional(Count),
})

export function writeManifest(file: StoredFile): Uint8Array {
  return Buffer.from(JSON.stringify(file))
}

/** Throws `data_corrupt`. */
export function readManifest(bytes: Uint8Array): StoredFile {
  const value = parseJson(Buffer.from(bytes).toString('utf8'))
  if (Value.Check(Manifest, value)) return value
  throw new YizhanError('data_corrupt', 'the manifest of a file cannot be read')
}
