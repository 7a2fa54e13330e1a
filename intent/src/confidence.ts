import { type Static, Type } from '@sinclair/typebox'

const Finite = Type.Number({ minimum: -1000, maximum: 1000 })

/**
 * How a probability becomes a score. A softmax shares out what an intent wins over its neighbours; whether the text is
 * of any intent at all shows better in the intent's lead over out-of-scope, which the softmax flattens.
 * score = sigmoid(own · log-odds against all others + lead · log of the ratio to out-of-scope + offset).
 */
export const Confidence = Type.Object(
  {
    own: Type.Number({ minimum: 0, maximum: 1000 }),
    lead: Type.Number({ minimum: 0, maximum: 1000 }),
    offset: Finite,
  },
  { additionalProperties: false },
)
export type Confidence = Readonly<Static<typeof Confidence>>

/** Under it a score is the probability. */
export const PLAIN_CONFIDENCE: Confidence = { own: 1, lead: 0, offset: 0 }

/** What speaks for a label. */
export interface Evidence {
  /** ln(p / sum of all others). */
  readonly odds: number
  /** ln(p / p of out-of-scope). */
  readonly lead: number
}

const SMALLEST = 1e-30

/** The evidence for a label among probabilities of which the last is that of out-of-scope. */
export function evidenceFor(label: number, probabilities: Float32Array): Evidence {
  let others = 0
  for (let i = 0; i < probabilities.length; i++) if (i !== label) others += probabilities[i] as number
  const own = Math.log(Math.max(probabilities[label] ?? 0, SMALLEST))
  const oos = probabilities[probabilities.length - 1] ?? 0
  return {
    odds: own - Math.log(Math.max(others, SMALLEST)),
    lead: own - Math.log(Math.max(oos, SMALLEST)),
  }
}

export function scoreOf({ own, lead, offset }: Confidence, evidence: Evidence): number {
  return 1 / (1 + Math.exp(-(own * evidence.odds + lead * evidence.lead + offset)))
}

export interface RatedEvidence {
  readonly evidence: Evidence
  /** The label is right. */
  readonly right: boolean
  /** The text is of no intent that the network knows. */
  readonly outside: boolean
}

// Fewer rows say too little about the tails.
const ENOUGH_INSIDE = 500
const ENOUGH_OUTSIDE = 50
// In the fit, texts out of scope count as much as those in scope, however many were given: it is between them that a
// score has to tell. Afterwards it is moved to where one text in ten is out of scope.
const OUTSIDE_SHARE = 1
const ASSUMED_SHARE = 0.1
const PULL_TO_PLAIN = 1
const ROUNDS = 50

/** Logistic regression on held-out rows, drawn towards `PLAIN_CONFIDENCE`; that itself where rows are few. */
export function fitConfidence(rows: readonly RatedEvidence[]): Confidence {
  const outside = rows.filter((row) => row.outside).length
  const inside = rows.length - outside
  if (inside < ENOUGH_INSIDE || outside < ENOUGH_OUTSIDE) return PLAIN_CONFIDENCE
  const outsideWeight = (OUTSIDE_SHARE * inside) / outside
  let at: [number, number, number] = [PLAIN_CONFIDENCE.own, PLAIN_CONFIDENCE.lead, PLAIN_CONFIDENCE.offset]
  for (let round = 0; round < ROUNDS; round++) {
    const slope = [PULL_TO_PLAIN * (at[0] - 1), PULL_TO_PLAIN * at[1], PULL_TO_PLAIN * at[2]]
    const curve = [PULL_TO_PLAIN, 0, 0, PULL_TO_PLAIN, 0, PULL_TO_PLAIN]
    for (const { evidence, right, outside: isOutside } of rows) {
      const x = [evidence.odds, evidence.lead, 1] as const
      const p = 1 / (1 + Math.exp(-(at[0] * x[0] + at[1] * x[1] + at[2])))
      const weight = isOutside ? outsideWeight : 1
      const error = weight * (p - (right ? 1 : 0))
      const bend = weight * p * (1 - p)
      let k = 0
      for (let i = 0; i < 3; i++) {
        slope[i] = (slope[i] as number) + error * (x[i] as number)
        for (let j = i; j < 3; j++, k++)
          curve[k] = (curve[k] as number) + bend * (x[i] as number) * (x[j] as number)
      }
    }
    const step = solve(curve, slope)
    at = [Math.max(0, at[0] - step[0]), Math.max(0, at[1] - step[1]), at[2] - step[2]]
    if (Math.max(...step.map(Math.abs)) < 1e-6) break
  }
  const round = (value: number) => Math.round(value * 1e6) / 1e6
  const moved = at[2] + Math.log(OUTSIDE_SHARE / ASSUMED_SHARE)
  return { own: round(at[0]), lead: round(at[1]), offset: round(moved) }
}

/** x of A · x = b for a symmetric 3 × 3 matrix, given by its upper triangle, row by row. */
function solve(a: readonly number[], b: readonly number[]): [number, number, number] {
  const [a00, a01, a02, a11, a12, a22] = a as [number, number, number, number, number, number]
  const [b0, b1, b2] = b as [number, number, number]
  const c00 = a11 * a22 - a12 * a12
  const c01 = a02 * a12 - a01 * a22
  const c02 = a01 * a12 - a02 * a11
  const c11 = a00 * a22 - a02 * a02
  const c12 = a01 * a02 - a00 * a12
  const c22 = a00 * a11 - a01 * a01
  const det = a00 * c00 + a01 * c01 + a02 * c02
  return [
    (c00 * b0 + c01 * b1 + c02 * b2) / det,
    (c01 * b0 + c11 * b1 + c12 * b2) / det,
    (c02 * b0 + c12 * b1 + c22 * b2) / det,
  ]
}
