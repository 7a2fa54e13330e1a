import { type Static, Type } from '@sinclair/typebox'

const Share = Type.Number({ minimum: 0, maximum: 1 })
/** At or above `accept` an intent is answered, at or above `askBack` the user is asked whether it was meant. */
export const Threshold = Type.Object({ accept: Share, askBack: Share }, { additionalProperties: false })
export type Threshold = Static<typeof Threshold>

/** How much is dared: `keen` answers more, `careful` forwards more. */
export const OperatingPoint = Type.Union([
  Type.Literal('keen'),
  Type.Literal('balanced'),
  Type.Literal('careful'),
])
export type OperatingPoint = Static<typeof OperatingPoint>

export const DEFAULT_OPERATING_POINT: OperatingPoint = 'balanced'

export const Thresholds = Type.Object(
  { keen: Threshold, balanced: Threshold, careful: Threshold },
  { additionalProperties: false },
)
export type Thresholds = Static<typeof Thresholds>

/** What a model that had not seen a text made of it. */
export interface HeldOutRow {
  /** How sure the best intent in scope was. */
  readonly score: number
  /** `right`, `wrong`: a text of an intent that the model knew; `background`: of no intent; `foreign`: of an intent that was left out. */
  readonly kind: 'right' | 'wrong' | 'background' | 'foreign'
}

/** Where held-out rows come from: texts that were kept for it, or examples of one author that were left out in turn. */
export type HeldOutSource = 'validation' | 'examples'

// Cost of one false answer, in right answers; and where the threshold lies without data. Examples of one author are
// like each other, so what is held out of them looks surer than what people will ask: false answers cost more there.
const POINTS = {
  keen: { cost: { validation: 0.03, examples: 0.1 }, prior: { accept: 0.35, askBack: 0.2 } },
  balanced: { cost: { validation: 0.07, examples: 0.3 }, prior: { accept: 0.45, askBack: 0.3 } },
  careful: { cost: { validation: 0.25, examples: 1 }, prior: { accept: 0.6, askBack: 0.4 } },
} as const
// Asking back costs the user a tap, not a wrong answer.
const ASK_BACK_COST_SHARE = 0.6
const PRIOR_ROWS = 100
const STEP = 0.01
const PLATEAU = 0.005

/** Thresholds with the best balance over held-out rows, drawn towards fixed values when there are few. */
export function chooseThresholds(rows: readonly HeldOutRow[], source: HeldOutSource): Thresholds {
  const point = ({ cost: costs, prior }: (typeof POINTS)[OperatingPoint]): Threshold => {
    const cost = costs[source]
    const accept = settle(rows, cost, prior.accept)
    const askBack = Math.min(settle(rows, cost * ASK_BACK_COST_SHARE, prior.askBack), accept * 0.9)
    return { accept: round(accept), askBack: round(askBack) }
  }
  return { keen: point(POINTS.keen), balanced: point(POINTS.balanced), careful: point(POINTS.careful) }
}

function settle(rows: readonly HeldOutRow[], cost: number, prior: number): number {
  const known = rows.filter((row) => row.kind === 'right' || row.kind === 'wrong').length
  if (known === 0) return prior
  let best = Number.NEGATIVE_INFINITY
  const values: { t: number; gain: number }[] = []
  for (let t = 0.05; t <= 0.95; t += STEP) {
    const gain = share(rows, 'right', t, known) - cost * falseAnswers(rows, t, known)
    values.push({ t, gain })
    best = Math.max(best, gain)
  }
  const plateau = values.filter((value) => value.gain >= best - PLATEAU)
  const found = plateau.reduce((sum, value) => sum + value.t, 0) / plateau.length
  return (known * found + PRIOR_ROWS * prior) / (known + PRIOR_ROWS)
}

function falseAnswers(rows: readonly HeldOutRow[], t: number, known: number): number {
  const outside = (['background', 'foreign'] as const)
    .map((kind) => ({ kind, count: rows.filter((row) => row.kind === kind).length }))
    .filter(({ count }) => count > 0)
  const accepted = outside.reduce((sum, { kind, count }) => sum + share(rows, kind, t, count), 0)
  return share(rows, 'wrong', t, known) + (outside.length === 0 ? 0 : accepted / outside.length)
}

function share(rows: readonly HeldOutRow[], kind: HeldOutRow['kind'], t: number, of: number): number {
  let count = 0
  for (const row of rows) if (row.kind === kind && row.score >= t) count++
  return count / of
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
