import { createPrivateKey, type KeyObject } from 'node:crypto'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJson, type JsonObject, toJson } from '@bufbuild/protobuf'
import {
  type Clock,
  type Logger,
  parseJson,
  readFileIfExists,
  syncDirectory,
  toYizhanError,
  writeFileAtomic,
  YizhanError,
} from '@yizhan/kernel'
import { create, EdgeIdentitySchema } from '@yizhan/proto'
import { newEdgeKey } from './edge-key.js'
import { acceptIdentity, type HeldIdentity, signingKeysOf } from './held-identity.js'

/** Keeps the edge's identity in the state directory, files 0600. */
export interface IdentityStore {
  /** The identity held, or undefined before enrolment. A damaged one is set aside with an error in the log. */
  load(): Promise<HeldIdentity | undefined>
  /** Replaces key, certificate and trust in one step: a crash leaves the old or the new, both of which work. */
  save(identity: HeldIdentity): Promise<void>
  /** The key to enrol with: made once and kept until `save`, so that a call whose answer was lost can be repeated. */
  enrolmentKey(): Promise<KeyObject>
}

const FORMAT = 1
const IDENTITY = 'identity.json'
const ENROLMENT_KEY = 'enrolment-key.pem'

/** Opens the store in `dir` (made if absent, 0700). */
export async function openIdentityStore(
  { clock, log }: { clock: Clock; log: Logger },
  dir: string,
): Promise<IdentityStore> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, IDENTITY)
  const keyPath = join(dir, ENROLMENT_KEY)
  return {
    async load() {
      const bytes = await readFileIfExists(path)
      if (!bytes) return undefined
      try {
        return decode(bytes)
      } catch (thrown) {
        const aside = `${path}.damaged-${clock.wall()}`
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
      await writeFileAtomic(path, encode(identity))
      await rm(keyPath, { force: true })
    },
    async enrolmentKey() {
      const kept = await readFileIfExists(keyPath)
      const key = kept && readKey(kept.toString())
      if (key) return key
      if (kept) log.warn('the key of an earlier enrolment is damaged; a new one is made')
      const made = await newEdgeKey()
      await writeFileAtomic(keyPath, pemOf(made))
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
    throw new YizhanError('data_corrupt', `${IDENTITY} is not of format ${FORMAT}`)
  }
  const key = readKey(value.key)
  if (!key) throw new YizhanError('data_corrupt', `the key in ${IDENTITY} is damaged`)
  return acceptIdentity(fromJson(EdgeIdentitySchema, value.identity as JsonObject), key)
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
