import { parseTenantFile, TENANT_FILE } from '@yizhan/intent'
import type { Clock } from '@yizhan/kernel'
import { type BundleStore, openAsEdge, perVersion, type TenantCatalog } from '../tenants/index.js'
import type { SampleDeskDeps } from './sample-desk.js'

/** The tenants' intents, and what their models make of texts: each is opened for the call and closed after it. */
export function tenantsInForce(deps: {
  readonly catalog: Pick<TenantCatalog, 'current' | 'inForce'>
  readonly bundles: Pick<BundleStore, 'files'>
  readonly clock: Clock
}): SampleDeskDeps['tenants'] {
  const { catalog, bundles, clock } = deps
  return {
    intents: perVersion(catalog, ({ file }) => Object.keys(file.intents)),
    async decide(tenant, texts, signal) {
      const current = catalog.current(tenant)
      const files = current && (await bundles.files(current.digest))
      if (!files) return undefined
      const { operatingPoint } = parseTenantFile(files.get(TENANT_FILE) ?? new Uint8Array())
      const model = await openAsEdge({ clock }, files, signal)
      try {
        return await model.classifyAll([...texts], operatingPoint)
      } finally {
        await model.close()
      }
    },
  }
}
