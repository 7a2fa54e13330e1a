import { YizhanError } from '@yizhan/kernel'
import type { LiveTenant } from '../tenants/index.js'

/** A target of a reroute in its two halves: `center`, `intent:<name>`, `handoff:<key>`, `edge:<id>`. */
export function targetOf(target: string): readonly [to: string, what: string] {
  const colon = target.indexOf(':')
  return colon < 0 ? [target, ''] : [target.slice(0, colon), target.slice(colon + 1)]
}

/** Throws `invalid_argument` for a target that is none here, or names what the tenant has not got. */
export function checkTarget(target: string, { file }: Pick<LiveTenant, 'file'>): void {
  const [to, what] = targetOf(target)
  if (target === 'center' || (to === 'edge' && what !== '')) return
  if (to === 'intent' && Object.hasOwn(file.intents, what)) return
  if (to === 'handoff' && file.handoffs?.some(({ name }) => name === what)) return
  throw new YizhanError(
    'invalid_argument',
    `there is nothing to reroute to under ${JSON.stringify(target)}`,
    {
      hint: 'center, intent:<name>, handoff:<name> or edge:<id>; the names are the tenant’s',
    },
  )
}
