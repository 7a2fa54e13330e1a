import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { canonicalJson, parseJson, YizhanError } from '@yizhan/kernel'

/** Beside the model, and no part of it: the same training gives the same model in another time. */
export const REPORT_FILE = 'training.json'

const TrainingReport = Type.Object(
  {
    trainSeconds: Type.Number({ minimum: 0 }),
    seed: Type.Integer(),
    profile: Type.Union([Type.Literal('fast'), Type.Literal('best')]),
  },
  { additionalProperties: false },
)
export type TrainingReport = Static<typeof TrainingReport>

export function encodeReport(report: TrainingReport): Uint8Array {
  return new TextEncoder().encode(`${canonicalJson(report)}\n`)
}

/** Throws `invalid_argument` unless it fits the schema. */
export function parseReport(bytes: Uint8Array): TrainingReport {
  const value = parseJson(new TextDecoder().decode(bytes))
  if (Value.Check(TrainingReport, value)) return value
  throw new YizhanError('invalid_argument', `${REPORT_FILE} does not fit the schema`)
}
