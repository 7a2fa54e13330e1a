import type { Clock } from '@yizhan/kernel'
import { toStored } from '../fleet/index.js'
import type { AuditEntry } from '../storage/index.js'
import type { By } from './port.js'

/** An entry whose snapshots are plain facts: ids, counts and states, never what a person wrote. */
export function privacyEntry(
  clock: Clock,
  by: By,
  action: AuditEntry['action'],
  object: string,
  snapshots: { readonly before?: object; readonly after?: object } = {},
): AuditEntry {
  const { before, after } = snapshots
  return {
    time: clock.wall(),
    actor: by.actor,
    action,
    object,
    ...(by.requestId === undefined ? {} : { requestId: by.requestId }),
    ...(before === undefined ? {} : { before: toStored(before) }),
    ...(after === undefined ? {} : { after: toStored(after) }),
  }
}
