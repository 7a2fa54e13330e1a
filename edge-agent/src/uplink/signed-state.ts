import { type KeyObject, verify } from 'node:crypto'
import { asTenantId, type EdgeId, YizhanError } from '@yizhan/kernel'
import {
  BundleKind,
  type DesiredState,
  DesiredStateSchema,
  fromBinary,
  type SignedDesiredState,
} from '@yizhan/proto'
import type { WantedBundle } from './bundle-fetcher.js'
import type { HeldSigningKey } from './held-identity.js'

const CONTEXT = Buffer.from('yizhan-desired-state-v1\n')
const DIGEST_BYTES = 32

/** A desired state whose signature and addressee are right. */
export interface OpenedState {
  readonly signed: SignedDesiredState
  readonly key: HeldSigningKey
  readonly state: DesiredState
  /** The bundles that it needs here, each once. */
  readonly bundles: readonly WantedBundle[]
}

/**
 * Checks the signature, and only then parses. Throws `unauthenticated` (unknown key, wrong signature),
 * `permission_denied` (for another edge), `invalid_argument` (a state that makes no sense).
 */
export function openSignedState(
  signed: SignedDesiredState,
  keys: readonly HeldSigningKey[],
  edgeId: EdgeId,
): OpenedState {
  const key = keys.find((one) => one.keyId === signed.keyId)
  if (!key) throw new YizhanError('unauthenticated', 'the desired state is signed with an unknown key')
  if (!isSigned(signed, key.publicKey)) {
    throw new YizhanError('unauthenticated', 'the signature of the desired state is wrong')
  }
  const state = parseState(signed.payload)
  if (state.edgeId !== edgeId) {
    throw new YizhanError('permission_denied', 'the desired state is for another edge')
  }
  return { signed, key, state, bundles: bundlesOf(state) }
}

function isSigned(signed: SignedDesiredState, publicKey: KeyObject): boolean {
  return verify(null, Buffer.concat([CONTEXT, signed.payload]), publicKey, signed.signature)
}

function parseState(payload: Uint8Array): DesiredState {
  try {
    return fromBinary(DesiredStateSchema, payload)
  } catch (cause) {
    throw refuse('it cannot be parsed', cause)
  }
}

function bundlesOf(state: DesiredState): WantedBundle[] {
  const wanted = new Map<string, string>()
  const want = (digest: Uint8Array, tenant: string) => {
    if (digest.length !== DIGEST_BYTES) throw refuse('a bundle digest is not a SHA-256')
    const hex = Buffer.from(digest).toString('hex')
    if ((wanted.get(hex) ?? tenant) !== tenant) throw refuse('two tenants share a bundle')
    wanted.set(hex, tenant)
  }
  const tenants = new Set<string>()
  for (const { tenantId, bundleDigest } of state.tenants) {
    if (!asTenantId(tenantId) || tenants.has(tenantId)) throw refuse('a tenant id is wrong or comes twice')
    tenants.add(tenantId)
    // A tenant that nothing was applied for yet has no bundle.
    if (bundleDigest.length > 0) want(bundleDigest, tenantId)
  }
  for (const bundle of state.bundles) {
    // Other kinds are of newer centers; what they are for does not exist in this edge.
    if (bundle.kind === BundleKind.TENANT) want(bundle.digest, bundle.tenantId)
  }
  return [...wanted].map(([digest, tenant]) => ({ digest, tenant }))
}

function refuse(why: string, cause?: unknown): YizhanError {
  return new YizhanError('invalid_argument', `the desired state makes no sense: ${why}`, { cause })
}
