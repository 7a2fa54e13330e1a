import type { TestContext } from 'node:test'
import type { Privacy as PrivacySection } from '@yizhan/intent'
import { silentLogger, type TenantId } from '@yizhan/kernel'
import type { EdgeEntry } from '../../fleet/index.js'
import type { PrivacySource } from '../port.js'
import { createPrivacy } from '../privacy.js'
import { acme, DAY, globex, type Stand, stand } from './stand.js'

export const SECTION: PrivacySection = {
  contact: 'privacy@acme.example',
  purposes: [
    {
      id: 'answers',
      title: { en: 'Answering questions', zh: '回答问题' },
      basis: 'consent',
      version: '1',
      required: true,
      crossBorder: false,
    },
  ],
  retentionMs: { turns: 30 * DAY },
  pendingConsentMs: DAY,
  offlineLeaseMs: 30 * DAY,
}

/** All of privacy, put together as the center does, on the storage of a stand. */
export async function installation(
  t: TestContext,
  options: { readonly sources?: (s: Stand) => readonly PrivacySource[] } = {},
) {
  const s = await stand(t)
  const { store, system, keys, subjects, commands } = s.parts
  const pruned: [TenantId, number][] = []
  const reclaimed: [tenant: TenantId, collection: string, through: string][] = []
  const edges: EdgeEntry[] = []
  let section: PrivacySection | undefined = SECTION
  const privacy = createPrivacy(
    {
      store,
      system,
      keys,
      subjects,
      upkeep: {
        async compact() {},
        async reclaim(id, collection, through) {
          reclaimed.push([id, collection, through])
        },
        async pruneAudit(id, through) {
          pruned.push([id, through])
        },
      },
      policies: { of: async () => section },
      tenants: () => [acme, globex],
      fleet: { registry: { list: () => edges }, commands, linked: () => false },
      erasureLog: { async append() {} },
      signer: s.signer,
      sources: options.sources?.(s) ?? [],
      clock: s.clock,
      log: silentLogger(),
    },
    { caseDueMs: 15 * DAY, backupHorizonMs: 0, sweepEveryMs: DAY, resumeEveryMs: 3_600_000 },
  )
  return {
    s,
    privacy,
    pruned,
    reclaimed,
    edges,
    setSection(next: PrivacySection | undefined) {
      section = next
    },
  }
}

export type Installation = Awaited<ReturnType<typeof installation>>
