import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { join } from 'node:path'
import { type Logger, YizhanError } from '@yizhan/kernel'
import { create, SigningKeySchema } from '@yizhan/proto'
import { createSecretOnce } from './create-once.js'
import type { Signer } from './port.js'

const KEY_ID_DIGITS = 16

/** The key pair that signs desired states and bundles (0600); made at the first start. Throws `data_corrupt`. */
export async function openSigner(
  deps: { readonly log: Logger },
  config: { readonly dir: string },
): Promise<Signer> {
  const path = join(config.dir, 'signing-key.pem')
  const { content, made } = await createSecretOnce(deps.log, path, async () =>
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const privateKey = readKey(path, content)
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const keyId = keyIdOf(spki)
  if (made) deps.log.info({ keyId }, 'a signing key was made')
  return {
    current: { keyId, privateKey },
    publicKeys: [create(SigningKeySchema, { keyId, spkiDer: new Uint8Array(spki) })],
  }
}

/** The first 16 hex digits of the SHA-256 of the SubjectPublicKeyInfo. */
export function keyIdOf(spkiDer: Uint8Array): string {
  return createHash('sha256').update(spkiDer).digest('hex').slice(0, KEY_ID_DIGITS)
}

function readKey(path: string, content: string): KeyObject {
  try {
    const key = createPrivateKey(content)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch (cause) {
    throw corrupt(path, cause)
  }
  throw corrupt(path)
}

function corrupt(path: string, cause?: unknown): YizhanError {
  return new YizhanError('data_corrupt', `the signing key in ${path} cannot be read`, {
    ...(cause === undefined ? {} : { cause }),
    details: { path },
    hint: 'restore the file from a backup',
  })
}
