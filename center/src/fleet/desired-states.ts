import { sign } from 'node:crypto'
import { type Clock, type EdgeId, type TenantId, YizhanError } from '@yizhan/kernel'
import {
  BundleKind,
  create,
  DesiredBundleSchema,
  type DesiredState,
  DesiredStateSchema,
  DesiredTenantSchema,
  EdgePolicySchema,
  fromBinary,
  SignedDesiredStateSchema,
  TenantPhase,
  toBinary,
} from '@yizhan/proto'
import type { StoredRecord, SystemStore } from '../storage/index.js'
import type { FleetRegistry } from './edge-registry.js'
import type { DesiredStates, EdgeEntry, Signer, TenantBundles } from './port.js'

/** What stands before the payload in what is signed, so that no other signed thing passes for a state. */
export const DESIRED_STATE_CONTEXT = 'yizhan-desired-state-v1\n'

const COLLECTION = 'desired-states'
const DIGEST = /^[0-9a-f]{64}$/
/** Beyond this a revision that an edge claims is nonsense, and growing past it would end in lost precision. */
const MAX_CLAIMED_REVISION = 2 ** 48

export interface DesiredStatesDeps {
  readonly system: SystemStore
  readonly registry: Pick<FleetRegistry, 'get' | 'list' | 'onTenants'>
  readonly bundles: TenantBundles
  readonly signer: Signer
  readonly clock: Clock
  /** Requests that an edge may have at the center at once; default: left to the edge, which takes 32. */
  readonly maxInFlight?: number
}

/**
 * Desired states from the registry and the tenants' bundles. A tenant without a bundle is left out; a tenant that an
 * edge lost is left out of the next revision. The last state of each edge lies in the system's store.
 */
export function createDesiredStates(deps: DesiredStatesDeps): DesiredStates {
  const { registry, bundles, signer } = deps
  /** Callers for one edge share one making of its state, else two would claim the same revision. */
  const making = new Map<EdgeId, Promise<DesiredState>>()

  const stateOf = async (edge: EdgeId): Promise<DesiredState> => {
    const former = making.get(edge)
    const mine = (former ?? Promise.resolve()).catch(() => undefined).then(() => makeState(deps, edge))
    making.set(edge, mine)
    try {
      return await mine
    } finally {
      if (making.get(edge) === mine) making.delete(edge)
    }
  }

  return {
    async current(edge) {
      const state = await stateOf(edge)
      const payload = toBinary(DesiredStateSchema, state)
      const { keyId, privateKey } = signer.current
      const signature = new Uint8Array(sign(null, signedBytes(payload), privateKey))
      const signed = create(SignedDesiredStateSchema, { payload, signature, keyId })
      return Object.assign(signed, { revision: Number(state.revision) })
    },

    onChange(fn) {
      const offTenants = registry.onTenants((edge) => fn([edge]))
      const offBundles = bundles.onChange((tenant) => {
        const edges = registry.list().filter((entry) => !entry.revoked && entry.tenants.includes(tenant))
        if (edges.length > 0) fn(edges.map((entry) => entry.edgeId))
      })
      return () => {
        offTenants()
        offBundles()
      }
    },
  }
}

/** What the Ed25519 signature of a desired state is over. */
export function signedBytes(payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(DESIRED_STATE_CONTEXT), payload])
}

async function makeState(deps: DesiredStatesDeps, edge: EdgeId): Promise<DesiredState> {
  const entry = deps.registry.get(edge)
  if (!entry) throw new YizhanError('not_found', `there is no edge ${edge}`)
  if (entry.revoked) throw new YizhanError('permission_denied', `the edge ${edge} is revoked`)
  const record = await deps.system.get(COLLECTION, edge)
  const last = record && readState(record)
  const wanted = contentOf(entry, deps)
  const lastRevision = Number(last?.revision ?? 0n)
  const held = claimedRevision(entry)
  // An edge that is ahead of us knows states from before our store was restored: it would take none that is older.
  if (last && sameContent(last, wanted) && lastRevision >= held) return last
  const revision = BigInt(Math.max(lastRevision, held) + 1)
  const state = create(DesiredStateSchema, { ...wanted, revision, createdMs: BigInt(deps.clock.wall()) })
  const value = toBinary(DesiredStateSchema, state)
  await deps.system.batch([
    { op: 'put', collection: COLLECTION, key: edge, value, expectedVersion: record?.version ?? 0 },
  ])
  return state
}

function contentOf(
  entry: EdgeEntry,
  { bundles, maxInFlight = 0 }: Pick<DesiredStatesDeps, 'bundles' | 'maxInFlight'>,
): DesiredState {
  const served = [...entry.tenants].sort().flatMap((tenant) => {
    const bundle = bundles.current(tenant)
    if (!bundle) return []
    const { digest, sizeBytes, offlineLeaseMs = 0 } = bundle
    return [
      { tenant, digest: digestBytes(tenant, digest), sizeBytes: BigInt(sizeBytes), leaseMs: offlineLeaseMs },
    ]
  })
  // An edge destroys all at once: who wants it soonest says when.
  const leases = served.flatMap(({ leaseMs }) => (leaseMs > 0 ? [leaseMs] : []))
  const offlineLeaseMs = BigInt(leases.length > 0 ? Math.min(...leases) : 0)
  return create(DesiredStateSchema, {
    edgeId: entry.edgeId,
    tenants: served.map(({ tenant, digest }) =>
      create(DesiredTenantSchema, { tenantId: tenant, bundleDigest: digest, phase: TenantPhase.SERVING }),
    ),
    bundles: served.map(({ tenant, digest, sizeBytes }) =>
      create(DesiredBundleSchema, { digest, kind: BundleKind.TENANT, tenantId: tenant, sizeBytes }),
    ),
    policy: create(EdgePolicySchema, { offlineLeaseMs, maxInFlight }),
  })
}

function digestBytes(tenant: TenantId, digest: string): Uint8Array {
  if (!DIGEST.test(digest)) throw new YizhanError('internal', `the bundle of ${tenant} has no SHA-256 digest`)
  return new Uint8Array(Buffer.from(digest, 'hex'))
}

function claimedRevision({ appliedRevision, rejected }: EdgeEntry): number {
  const claimed = Math.max(appliedRevision, rejected?.revision ?? 0)
  return claimed < MAX_CLAIMED_REVISION ? claimed : 0
}

function sameContent(state: DesiredState, wanted: DesiredState): boolean {
  const content = create(DesiredStateSchema, { ...state, revision: 0n, createdMs: 0n })
  return Buffer.compare(toBinary(DesiredStateSchema, content), toBinary(DesiredStateSchema, wanted)) === 0
}

function readState(record: StoredRecord): DesiredState {
  try {
    return fromBinary(DesiredStateSchema, record.value)
  } catch (cause) {
    throw new YizhanError('data_corrupt', `the last desired state of ${record.key} cannot be read`, { cause })
  }
}
