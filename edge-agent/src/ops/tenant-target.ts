import { join } from 'node:path'
import {
  MANIFEST_FILE,
  parseManifest,
  parseTenantFile,
  TENANT_FILE,
  type TenantFile,
  verifyFile,
} from '@yizhan/intent'
import { asTenantId, type Logger, YizhanError } from '@yizhan/kernel'
import type { IntentService, ReadBundleFile } from '../intent/index.js'
import type { RouterPolicy } from '../router/index.js'
import type { LiveTenant, TenantHost, TenantSource } from '../tenants/index.js'
import type { StateTarget } from '../uplink/index.js'

/**
 * Puts a desired state in force, its policy among it: models are loaded beside those that serve, then all tenants switch at once, then what
 * nobody needs any more is freed. A model that does not load leaves everything as it was.
 */
export function tenantTarget(parts: {
  readonly tenants: TenantHost
  readonly intents: Pick<IntentService, 'load' | 'unload' | 'retire' | 'isReady'>
  readonly readBundleFile: ReadBundleFile
  readonly log: Logger
  /** Called with each policy that takes force. */
  readonly onPolicy?: (policy: { readonly offlineLeaseMs: number }) => void
}): StateTarget & { readonly policy: RouterPolicy } {
  const { tenants, intents, readBundleFile } = parts
  let policy: RouterPolicy = { maintenance: false, maxTextChars: 0 }
  const { onPolicy } = parts
  /** Bundles that were in force before and may still have turns. */
  const replaced = new Set<Pick<LiveTenant, 'tenant' | 'digest'>>()
  return {
    get policy() {
      return policy
    },
    async apply(state, dirs) {
      const next: TenantSource[] = []
      const loaded: TenantSource[] = []
      try {
        for (const { tenantId, bundleDigest } of state.tenants) {
          // A tenant that was never applied has nothing to serve yet.
          if (bundleDigest.length === 0) continue
          const digest = Buffer.from(bundleDigest).toString('hex')
          const tenant = asTenantId(tenantId)
          const dir = dirs.get(digest)
          if (!tenant || dir === undefined) {
            throw new YizhanError('not_found', `the bundle of ${tenantId} is not here`)
          }
          const parsed = parseTenantFile(await readTenantFile(readBundleFile, dir, digest))
          const file = atSite(parsed, state.edgeId)
          const source = { id: tenantId, digest, file }
          const isNew = !intents.isReady(tenant, digest)
          await intents.load(tenant, dir, digest)
          if (isNew) loaded.push(source)
          next.push(source)
        }
        const before = tenants.list()
        tenants.apply(next)
        policy = {
          maintenance: state.policy?.maintenance ?? false,
          maxTextChars: state.policy?.maxTextChars ?? 0,
        }
        onPolicy?.({ offlineLeaseMs: Number(state.policy?.offlineLeaseMs ?? 0n) })
        const kept = new Set(next.map(({ digest }) => digest))
        const served = new Set(next.map(({ id }) => id))
        // A tenant that is gone is gone at once; one that has a new bundle may have turns that came with the old one.
        for (const { tenant, digest } of before) if (!kept.has(digest)) replaced.add({ tenant, digest })
        for (const one of replaced) {
          if (kept.has(one.digest) || !intents.isReady(one.tenant, one.digest)) replaced.delete(one)
          else if (served.has(one.tenant)) intents.retire(one.tenant, one.digest)
          else if (replaced.delete(one)) intents.unload(one.tenant, one.digest)
        }
      } catch (thrown) {
        for (const { id, digest } of loaded) {
          const tenant = asTenantId(id)
          if (tenant) intents.unload(tenant, digest)
        }
        throw thrown
      }
    },
  }
}

/** The tenant's file with the time zone of this edge's site, if that has its own. */
function atSite(file: TenantFile, edge: string): TenantFile {
  const { timezones = {} } = file
  const timezone = Object.hasOwn(timezones, edge) ? timezones[edge] : undefined
  return timezone === undefined ? file : { ...file, timezone }
}

async function readTenantFile(read: ReadBundleFile, dir: string, digest: string): Promise<Uint8Array> {
  const manifest = parseManifest(await read(join(dir, MANIFEST_FILE), digest))
  const entry = manifest.files.find(({ path }) => path === TENANT_FILE)
  if (!entry) throw new YizhanError('not_found', `the bundle ${digest} has no ${TENANT_FILE}`)
  const bytes = await read(join(dir, TENANT_FILE), entry.sha256)
  verifyFile(entry, bytes)
  return bytes
}
