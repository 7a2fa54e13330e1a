import { type Static, Type } from '@sinclair/typebox'
import { oneOf } from '../ledger/index.js'
import { defineCollection } from '../storage/index.js'

/** Why a question is worth a label, the strongest first; the first four are a person's word that something was wrong. `paraphrase`: a model of language wrote it. */
export const REASONS = [
  'rejected',
  'edited',
  'rerouted',
  'answered-by-person',
  'asked-back',
  'unsure',
  'forwarded',
  'paraphrase',
] as const
export type Reason = (typeof REASONS)[number]

const CORRECTIONS: ReadonlySet<Reason> = new Set(REASONS.slice(0, 4))

/** Whether a person said, or showed, that the answer was wrong. */
export function isCorrection(reason: Reason): boolean {
  return CORRECTIONS.has(reason)
}

export const SAMPLE_STATES = ['open', 'labelled', 'discarded'] as const
export type SampleState = (typeof SAMPLE_STATES)[number]

const Count = Type.Integer({ minimum: 0 })
const Maybe = Type.Optional(Type.String())
const MaybeScore = Type.Optional(Type.Number())

const Sample = Type.Object({
  /** The turn's: ids grow with time, which is how old samples are found. */
  id: Type.String({ pattern: '^t_[0-9a-z]{26}$' }),
  text: Type.String({ minLength: 1 }),
  why: Type.Array(oneOf(REASONS)),
  /** As the edge decided. */
  intent: Maybe,
  score: MaybeScore,
  accept: MaybeScore,
  /** What its asker chose, or a person routed it to. */
  suggested: Maybe,
  /** What a model of language holds it for; counts only once a person agrees. */
  proposed: Type.Optional(Type.Object({ intent: Type.String(), model: Type.String(), at: Count })),
  /** The center answered it, and nobody complained: a text out of scope, for all that is known. */
  background: Type.Boolean(),
  /** Blind mark of the normalised text: the same for the same question. */
  group: Type.String(),
  /** When it was asked, milliseconds since the Unix epoch. */
  at: Count,
  edge: Type.String(),
  state: oneOf(SAMPLE_STATES),
  /** An intent, or `oos`. */
  label: Type.Optional(Type.Object({ intent: Type.String(), at: Count, by: Type.String() })),
  subject: Maybe,
})

/** A question that may teach the local model something. */
export type Sample = Static<typeof Sample>

export const SAMPLES = defineCollection({
  name: 'samples',
  version: 1,
  schema: Sample,
  key: ({ id }) => id,
  subject: ({ subject }) => subject,
  terms: ({ id, state, group }) => [
    { name: 'state', value: `${state}/${id}` },
    { name: 'group', value: `${group}/${id}` },
  ],
  dataClass: 'samples',
})
