import { createHmac, randomBytes } from 'node:crypto'
import type { Logger, TenantId } from '@yizhan/kernel'
// Past the folder's index, which brings gRPC along.
import { createSecretOnce } from '../fleet/create-once.js'

/** A name for a person that says nothing of whom, the same across restarts. */
export type PseudonymOf = (tenant: TenantId, person: string) => string

/** Pseudonyms under a key of this installation, which is made at `path` at the first start. */
export async function openPseudonyms(log: Logger, path: string): Promise<PseudonymOf> {
  const { content } = await createSecretOnce(log, path, async () => randomBytes(32).toString('base64url'))
  const key = Buffer.from(content.trim(), 'base64url')
  return (tenant, person) =>
    createHmac('sha256', key).update(`${tenant}\n${person}`).digest('base64url').slice(0, 22)
}
