import type { Turn } from '../ledger/index.js'
import { say } from '../skills/index.js'
import { languageFor, type TenantHost } from '../tenants/index.js'

/** What stands above a final whose running text was cut off and begun anew, where a channel cannot replace it. */
export function supersededLine(tenants: Pick<TenantHost, 'get'>, { tenant, message }: Turn): string {
  const live = tenants.get(tenant)
  const { text, locale } = message
  const signs = { chosen: undefined, text, locale, before: undefined }
  return say(live, languageFor(signs, live?.file.languages ?? ['zh', 'en']), 'end.superseded', {})
}
