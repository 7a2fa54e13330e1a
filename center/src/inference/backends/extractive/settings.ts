import { type Static, Type } from '@sinclair/typebox'

/** Settings of a backend of kind `extractive`. */
export const ExtractiveSettings = Type.Object(
  {
    /** Pause between the pieces of a quoted answer, so that a person can read along. 0 = none. */
    paceMs: Type.Integer({ minimum: 0, default: 0, restart: true }),
  },
  { additionalProperties: false },
)
export type ExtractiveSettings = Static<typeof ExtractiveSettings>
