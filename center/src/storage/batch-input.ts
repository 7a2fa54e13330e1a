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
  // One for all: to make an array takes longer than to fill it.
  const { buffer } = Buffer.allocUnsafeSlow(bytes)
  let used = 0
  const copy = (value: Uint8Array): Uint8Array => {
    const own = new Uint8Array(buffer, used, value.byteLength)
    own.set(value)
    used += value.byteLength
    return own
  }
  return {
    bytes,
    changes: changes.map((change) =>
      change.op === 'put'
        ? {
            ...change,
            value: copy(change.value),
            ...(change.terms ? { terms: change.terms.map(({ name, value }) => ({ name, value })) } : {}),
          }
        : { ...change },
    ),
    audit: audit && {
      ...audit,
      ...(audit.before ? { before: copy(audit.before) } : {}),
      ...(audit.after ? { after: copy(audit.after) } : {}),
    },
  }
}
