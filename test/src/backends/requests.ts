import assert from 'node:assert/strict'
import type { GenerateRequest } from '@yizhan/center/backends'
import { asTenantId } from '@yizhan/kernel'

const tenant = asTenantId('acme')
assert.ok(tenant)

/** A question of one tenant, without documents. */
export const ASKED: GenerateRequest = {
  tenant,
  question: 'Where do I put the badge? #q-1',
  locale: 'en',
  history: [],
  passages: [],
}

/** A signal that never aborts. */
export function never(): AbortSignal {
  return new AbortController().signal
}
