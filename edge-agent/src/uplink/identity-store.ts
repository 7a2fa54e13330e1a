import { createPrivateKey, type KeyObject } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJson, type JsonObject, toJson } from '@bufbuild/protobuf'
import {
  type Clock,
  type Logger,
  parseJson,
  type SealedFiles,
  syncDirectory,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'
import { create, EdgeIdentitySchema } from '@yizhan/proto'
import { newEdgeKey } from './edge-key.js'
import { acceptIdentity, type HeldIdentity, signingKeysOf } from './held-identity.js'

/** Keeps the edge's identity in the state directory, sealed, files 0600. */
export interface IdentityStore {
  /**
   * The identity held, or undefined before enrolment. A damaged one is set aside with an error in the log. Throws
   * `key_unknown` if the key store is not the one that sealed it; the identity stays as it is.
   */
  load(): Promise<HeldIdentity | undefined>
  /** Replaces key, certificate and trust in one step: a crash leaves the old or the new, both of which work. */
  save(identity: HeldIdentity): Promise<void>
  /** The key to enrol with: made once and kept until `save`, so that a call whose answer was lost can be repeated. */
  enrolmentKey(): Promise<KeyObject>
}

const FORMAT = 1
export const IDENTITY_FILE = { path: 'identity.json', name: 'identity' }
export const ENROLMENT_KEY_FILE = { path: 'enrolment-key.pem', name: 'enrolment key' }
/** What is set aside keeps the name that it was sealed under. */
export const IDENTITY_ASIDE = `${IDENTITY_FILE.path}.damaged-`

/** Opens the store in `dir` (made if absent, 0700). */
export async function openIdentityStore(
  { clock, log, files }: { clock: Clock; log: Logger; files: SealedFiles },
  dir: string,
): Promise<IdentityStore> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, IDENTITY_FILE.path)
  const keyPath = join(dir, ENROLMENT_KEY_FILE.path)
  const readEnrolmentKey = async (): Promise<KeyObject | 'damaged' | undefined> => {
    try {
      const bytes = await files.read(keyPath, ENROLMENT_KEY_FILE.name)
      return bytes && (readKey(bytes.toString()) ?? 'damaged')
    } catch (thrown) {
      if (isDamage(thrown)) return 'damaged'
      throw thrown
    }
  }
  return {
    async load() {
      try {
        const bytes = await files.read(path, IDENTITY_FILE.name)
        return bytes && decode(bytes)
      } catch (thrown) {
        if (!isDamage(thrown)) throw thrown
        const aside = join(dir, `${IDENTITY_ASIDE}${clock.wall()}`)
        await rename(path, aside)
        await syncDirectory(dir)
        log.error(
          { err: toYizhanError(thrown), aside },
          'the identity of this edge is damaged; enrol it again',
        )
        return undefined
      }
    },
    async save(identity) {
      await files.write(path, IDENTITY_FILE.name, Buffer.from(encode(identity)))
      await rm(keyPath, { force: true })
    },
    async enrolmentKey() {
      const kept = await readEnrolmentKey()
      if (kept === 'damaged') log.warn('the key of an earlier enrolment is damaged; a new one is made')
      else if (kept) return kept
      const made = await newEdgeKey()
      await files.write(keyPath, ENROLMENT_KEY_FILE.name, Buffer.from(pemOf(made)))
      return made
    },
  }
}

function encode(identity: HeldIdentity): string {
  const wire = create(EdgeIdentitySchema, {
    edgeId: identity.edgeId,
    trustDomain: identity.trustDomain,
    certificateDer: Uint8Array.from(identity.certificate.raw),
    caDer: identity.ca.map((one) => Uint8Array.from(one.raw)),
    signingKeys: signingKeysOf(identity.signingKeys),
  })
  return `${JSON.stringify({ format: FORMAT, key: pemOf(identity.key), identity: toJson(EdgeIdentitySchema, wire) }, null, 2)}\n`
}

function decode(bytes: Buffer): HeldIdentity {
  const value = parseJson(bytes.toString())
  if (
    !isRecord(value) ||
    value.format !== FORMAT ||
    typeof value.key !== 'string' ||
    !isRecord(value.identity)
  ) {
    throw new YizhanError('data_corrupt', `the identity is not of format ${FORMAT}`)
  }
  const key = readKey(value.key)
  if (!key) throw new YizhanError('data_corrupt', 'the key of the identity is damaged')
  return acceptIdentity(fromJson(EdgeIdentitySchema, value.identity as JsonObject), key)
}

/** What the bytes themselves are to blame for; not the disk, nor a key store that does not belong to them. */
function isDamage(thrown: unknown): boolean {
  return !(thrown instanceof YizhanError) || ['data_corrupt', 'unauthenticated'].includes(thrown.code)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    return undefined
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
