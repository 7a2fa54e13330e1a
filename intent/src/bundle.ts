import { type KeyObject, sign, verify } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { asTenantId, canonicalJson, parseJson, sha256Hex, type TenantId, YizhanError } from '@yizhan/kernel'

/** Names that a bundle directory has beside the files that its manifest lists. */
export const MANIFEST_FILE = 'manifest.json'
export const SIGNATURE_FILE = 'signature.json'

export const BUNDLE_LIMITS = {
  maxFiles: 64,
  /** All files together. */
  maxTotalBytes: 64 * 1024 * 1024,
  maxManifestBytes: 64 * 1024,
} as const

const ManifestFile = Type.Object(
  {
    format: Type.Literal(1),
    kind: Type.Literal('tenant'),
    tenant: Type.String(),
    version: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    /** Milliseconds since the Unix epoch. */
    createdAt: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    files: Type.Array(
      Type.Object(
        {
          // Flat, lower case, no leading dot: no path can leave the directory, on any file system.
          path: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,63}$' }),
          size: Type.Integer({ minimum: 0, maximum: BUNDLE_LIMITS.maxTotalBytes }),
          sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: BUNDLE_LIMITS.maxFiles },
    ),
  },
  { additionalProperties: false },
)

export type ManifestEntry = Readonly<Static<typeof ManifestFile>['files'][number]>

/** The list of a bundle's files, in order of their names. */
export interface Manifest {
  readonly format: 1
  readonly kind: 'tenant'
  readonly tenant: TenantId
  /** Grows with every bundle of a tenant. */
  readonly version: number
  readonly createdAt: number
  readonly files: readonly ManifestEntry[]
}

export interface ManifestInput {
  readonly tenant: TenantId
  readonly version: number
  readonly createdAt: number
  /** Content by name. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/**
 * The manifest that lists the files, as canonical JSON: what is signed and stored, and whose SHA-256 is the bundle's
 * name everywhere. Throws `invalid_argument` on a name, version or time that does not fit, `too_large` over a limit.
 */
export function buildManifest(input: ManifestInput): Uint8Array {
  const files = [...input.files]
    .map(([path, content]) => ({ path, size: content.length, sha256: sha256Hex(content) }))
    .sort(byPath)
  const { tenant, version, createdAt } = input
  const manifest = checkManifest({ format: 1, kind: 'tenant', tenant, version, createdAt, files })
  return new TextEncoder().encode(canonicalJson(manifest))
}

const SIGNED_PREFIX = new TextEncoder().encode('yizhan-bundle-v1\n')

/** Ed25519 over a fixed prefix and the manifest's bytes: 64 bytes. `privateKey` must be an Ed25519 key. */
export function signManifest(manifestBytes: Uint8Array, privateKey: KeyObject): Uint8Array {
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'ed25519') {
    throw new YizhanError('invalid_argument', 'bundles are signed with an Ed25519 private key')
  }
  return new Uint8Array(sign(null, signedBytes(manifestBytes), privateKey))
}

/**
 * The manifest, if its digest is the expected one and one of the keys signed it; only then is it parsed. The expected
 * digest comes from the signed desired state, whose revision only grows: an older bundle is refused by its digest.
 * Throws `data_corrupt` (other digest), `permission_denied` (signature), `invalid_argument` (content), `too_large`.
 */
export function verifyManifest(
  manifestBytes: Uint8Array,
  signature: Uint8Array,
  publicKeys: readonly KeyObject[],
  expectedDigest: string,
): Manifest {
  if (manifestBytes.length > BUNDLE_LIMITS.maxManifestBytes) throw tooLarge('its manifest')
  if (sha256Hex(manifestBytes) !== expectedDigest) {
    throw new YizhanError('data_corrupt', 'the bundle has another digest than the expected one')
  }
  const signed = signedBytes(manifestBytes)
  const trusted = publicKeys.some(
    (key) => key.asymmetricKeyType === 'ed25519' && verify(null, signed, key, signature),
  )
  if (!trusted) throw new YizhanError('permission_denied', 'no trusted key signed the bundle')
  return parseManifest(manifestBytes)
}

/** Reads a manifest whose origin is known already; what is not canonical JSON of the schema throws `invalid_argument`. */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > BUNDLE_LIMITS.maxManifestBytes) throw tooLarge('its manifest')
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  const value = parseJson(text)
  const manifest = checkManifest(value)
  // One form only: no repeated keys, no other spelling of the same content under another digest.
  if (canonicalJson(manifest) !== text) throw refuse('its manifest is not canonical JSON')
  return manifest
}

/** Whether `content` is the file that the entry names; throws `data_corrupt` if not. */
export function verifyFile(entry: ManifestEntry, content: Uint8Array): void {
  if (content.length !== entry.size || sha256Hex(content) !== entry.sha256) {
    throw new YizhanError('data_corrupt', `the bundle's file ${entry.path} is not the one that was signed`)
  }
}

/** Checks a whole bundle: every listed file is there and true, and no other (manifest and signature aside). */
export function verifyFiles(manifest: Manifest, files: ReadonlyMap<string, Uint8Array>): void {
  const listed = new Set([MANIFEST_FILE, SIGNATURE_FILE, ...manifest.files.map((entry) => entry.path)])
  for (const path of files.keys()) {
    if (!listed.has(path)) throw refuse('it has a file that its manifest does not list')
  }
  for (const entry of manifest.files) {
    const content = files.get(entry.path)
    if (!content) throw new YizhanError('data_corrupt', `the bundle's file ${entry.path} is missing`)
    verifyFile(entry, content)
  }
}

function checkManifest(value: unknown): Manifest {
  if (!Value.Check(ManifestFile, value)) {
    const first = Value.Errors(ManifestFile, value).First()
    throw refuse(`${first?.path || 'its manifest'}: ${first?.message ?? 'does not fit the schema'}`)
  }
  const tenant = asTenantId(value.tenant)
  if (!tenant) throw refuse('its tenant is not a tenant id')
  let total = 0
  for (const [index, entry] of value.files.entries()) {
    const before = value.files[index - 1]
    if (before && byPath(before, entry) >= 0) throw refuse('its files are not in order or repeat')
    if (entry.path === MANIFEST_FILE || entry.path === SIGNATURE_FILE)
      throw refuse('it lists its own manifest')
    if (entry.path.includes('..')) throw refuse('a file name holds two dots')
    total += entry.size
  }
  if (total > BUNDLE_LIMITS.maxTotalBytes) throw tooLarge('all its files')
  return { ...value, tenant }
}

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}

function signedBytes(manifestBytes: Uint8Array): Uint8Array {
  return Buffer.concat([SIGNED_PREFIX, manifestBytes])
}

function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', `the bundle is refused: ${why}`)
}

function tooLarge(what: string): YizhanError {
  return new YizhanError('too_large', `the bundle is refused: ${what} exceed the limit`)
}
