import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import {
  type DataKey,
  type Keyring,
  parseJson,
  readFileIfExists,
  storageError,
  writeFileAtomic,
  YizhanError,
} from '@yizhan/kernel'

/** The part of a KEK provider that a backup needs. */
export interface KeyWrapper {
  /** The newest, by which `wrap` wraps. */
  epoch(): number
  wrap(secret: Uint8Array, place: string): Promise<{ readonly epoch: number; readonly wrapped: Uint8Array }>
  unwrap(epoch: number, wrapped: Uint8Array, place: string): Promise<Uint8Array>
}

const FILE = 'key.json'
const KeyFile = Type.Object({
  format: Type.Literal(1),
  /** 8 random bytes, hex. */
  id: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  epoch: Type.Integer({ minimum: 1 }),
  /** base64. */
  wrapped: Type.String({ minLength: 1 }),
})

/**
 * The one key that seals a repository, wrapped by the key-encryption key: whoever restores needs that and the
 * key store, neither of which is in the backup. `make`: for a directory that has none a
 * key is made; else that is `not_found`. Throws `data_corrupt`, `key_unknown`.
 */
export async function openBackupKeyring(
  kek: KeyWrapper,
  directory: string,
  { make }: { readonly make: boolean },
): Promise<Keyring> {
  const path = join(directory, FILE)
  const known = await readFileIfExists(path)
  if (!known && !make) throw new YizhanError('not_found', 'there are no backups in this directory')
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
    throw storageError(thrown, 'create', directory)
  })
  const key = known ? await readKey(kek, known, make ? path : undefined) : await makeKey(kek, path)
  return {
    sealingKey: () => key,
    openingKey(_tenant, _subject, keyId) {
      if (Buffer.from(key.id).equals(keyId)) return key
      throw new YizhanError('key_unknown', 'this backup was sealed by another key')
    },
  }
}

/** `path`: wrapped anew there if the KEK was rotated, so that the former epoch is needed no more. */
async function readKey(kek: KeyWrapper, bytes: Uint8Array, path: string | undefined): Promise<DataKey> {
  const file = parsed(bytes)
  if (!Value.Check(KeyFile, file))
    throw new YizhanError('data_corrupt', `${FILE} of the backup cannot be read`)
  const id = Buffer.from(file.id, 'hex')
  const secret = await kek.unwrap(file.epoch, Buffer.from(file.wrapped, 'base64'), bound(id))
  const key = { id, secret }
  if (path !== undefined && kek.epoch() > file.epoch) await writeKey(kek, key, path)
  return key
}

async function makeKey(kek: KeyWrapper, path: string): Promise<DataKey> {
  const key = { id: randomBytes(8), secret: randomBytes(32) }
  await writeKey(kek, key, path)
  return key
}

async function writeKey(kek: KeyWrapper, { id, secret }: DataKey, path: string): Promise<void> {
  const { epoch, wrapped } = await kek.wrap(secret, bound(id))
  const file = {
    format: 1,
    id: Buffer.from(id).toString('hex'),
    epoch,
    wrapped: Buffer.from(wrapped).toString('base64'),
  }
  await writeFileAtomic(path, `${JSON.stringify(file)}\n`)
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseJson(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}

function bound(id: Uint8Array): string {
  return `yizhan-backup-key-v1/${Buffer.from(id).toString('hex')}`
}
