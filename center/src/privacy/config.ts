import { type Static, Type } from '@sinclair/typebox'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const Ms = (def: number, minimum: number) => Type.Integer({ minimum, default: def, restart: true })

/** Settings of `privacy`. */
export const privacyConfigSchema = Type.Object(
  {
    /** How long there is to answer a person who asks for a copy or an erasure: 15 days are common under PIPL, a month under GDPR. */
    caseDueMs: Ms(15 * DAY, HOUR),
    /** For how long backups and copies of the key store are kept elsewhere: certificates name it. 0 = they say nothing. */
    backupHorizonMs: Ms(90 * DAY, 0),
    /** Between two sweepings of what is past its time. */
    sweepEveryMs: Ms(DAY, 60_000),
    /** Between two looks at erasures that wait for an edge or a time. */
    resumeEveryMs: Ms(HOUR, 1_000),
    /** Files of the erasure log, better on another disk or machine than the data; none: in the state directory. */
    erasureLog: Type.Array(Type.String({ minLength: 1 }), { default: [], maxItems: 4, restart: true }),
  },
  { additionalProperties: false, default: {} },
)

export type PrivacyConfig = Static<typeof privacyConfigSchema>
