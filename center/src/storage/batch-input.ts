import { checkBatch } from './limits.js'
import type { AuditEntry, Change } from './port.js'

/** A batch that was checked and that the store owns. */
export interface BatchInput {
  readonly changes: readonly Change[]
  readonly audit: AuditEntry | undefined
  readonly bytes: number
}

/** Checks a batch and copies its values, since it is written later and the caller may reuse its buffers. */
export function takeBatch(changes: readonly Change[], audit?: AuditEntry): BatchInput {
  const bytes = checkBatch(changes, audit)
  return {
    bytes,
    changes: changes.map((change) =>
      change.op === 'put'
        ? {
            ...change,
            value: new Uint8Array(change.value),
            ...(change.terms ? { terms: change.terms.map(({ name, value }) => ({ name, value })) } : {}),
          }
        : { ...change },
    ),
    audit: audit && {
      ...audit,
      ...(audit.before ? { before: new Uint8Array(audit.before) } : {}),
      ...(audit.after ? { after: new Uint8Array(audit.after) } : {}),
    },
  }
}
