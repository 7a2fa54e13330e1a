import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { canonicalJson, parseJson, YizhanError } from '@yizhan/kernel'

/** A record's value in the system's store. */
export function toStored(value: object): Uint8Array {
  return new Uint8Array(Buffer.from(canonicalJson(value)))
}

/** The value back; `data_corrupt`, named after `what`, if it is not of this form. */
export function fromStored<S extends TSchema>(schema: S, value: Uint8Array, what: string): Static<S> {
  let parsed: unknown
  try {
    parsed = parseJson(Buffer.from(value).toString('utf8'))
  } catch (cause) {
    throw new YizhanError('data_corrupt', `${what} cannot be read`, { cause })
  }
  if (!Value.Check(schema, parsed)) throw new YizhanError('data_corrupt', `${what} cannot be read`)
  return parsed
}
