import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { BundleKind, type SignedDesiredState, TenantPhase } from '@yizhan/proto'
import { startTestCenter, type TestCenter } from './center.js'
import { startTestEdge, type TestEdge } from './edge.js'

export const FILES = { 'model.onnx': 'weights', 'tenant.json': '{"answers":1}' }

/** For tests: a signed state with one tenant and its bundle. */
export function stateWith(
  center: TestCenter,
  revision: bigint,
  digest: string,
  tenantId = 'acme',
): SignedDesiredState {
  const bundleDigest = Buffer.from(digest, 'hex')
  return center.sign({
    revision,
    tenants: [{ $typeName: 'yizhan.v1.DesiredTenant', tenantId, bundleDigest, phase: TenantPhase.SERVING }],
    bundles: [
      {
        $typeName: 'yizhan.v1.DesiredBundle',
        digest: bundleDigest,
        kind: BundleKind.TENANT,
        tenantId,
        sizeBytes: 0n,
      },
    ],
  })
}

export function offer(center: TestCenter, value: SignedDesiredState): void {
  center.send({ case: 'desiredState', value })
}

/** The reason of the next answer, which has to be a rejection. */
export async function rejection(center: TestCenter) {
  const { outcome } = await center.results.next()
  assert.equal(outcome.case, 'rejected')
  return outcome.case === 'rejected' ? outcome.value.failure : undefined
}

/** A center and an edge that is linked to it. */
export async function ready(t: TestContext): Promise<{ center: TestCenter; edge: TestEdge }> {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  await edge.reached('ready')
  return { center, edge }
}
