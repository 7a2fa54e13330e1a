import type { Blend } from './model.js'
import { softmaxInPlace } from './train-member.js'

/** What the parts of a network made of a text that they had not seen; scores of all classes. */
export interface HeldOutScores {
  readonly votes: Float32Array
  /** Absent if there are no linear machines. */
  readonly linear: Float32Array | undefined
  readonly label: number
  /** The intent was left out of the training: no score of it can be right. */
  readonly foreign: boolean
}

const LINEAR = [0, 0.5, 1, 2, 4, 8]
const TEMPERATURES = Array.from({ length: 25 }, (_, i) => 0.3 * 1.1 ** i)
/** Scores as they are. */
export const PLAIN: Blend = { linear: 0, temperature: 1 }
const ENOUGH_ROWS = 500
// Shares of right texts that differ by less are the same.
const TIE = 0.001

/** The blend whose best intents are right most often, and under which probabilities say how often that is. */
export function chooseBlend(rows: readonly HeldOutScores[]): Blend {
  const known = rows.filter(({ foreign }) => !foreign)
  if (known.length < ENOUGH_ROWS) return PLAIN
  const tried = (known[0]?.linear ? LINEAR : [0]).map((linear) => {
    const scores = known.map((row) => ({ label: row.label, scores: blended(row, linear) }))
    const best = TEMPERATURES.map((temperature) => ({
      blend: { linear, temperature },
      loss: lossOf(scores, temperature),
    })).reduce((a, b) => (b.loss < a.loss ? b : a))
    return { ...best, right: shareRight(scores) }
  })
  const most = Math.max(...tried.map(({ right }) => right))
  return tried.filter(({ right }) => right >= most - TIE).reduce((a, b) => (b.loss < a.loss ? b : a)).blend
}

/** Probabilities under a blend. */
export function blendedProbabilities(row: HeldOutScores, { linear, temperature }: Blend): Float32Array {
  const out = blended(row, linear).map((score) => score / temperature)
  softmaxInPlace(out)
  return out
}

function blended({ votes, linear }: HeldOutScores, factor: number): Float32Array {
  if (!linear || factor === 0) return votes
  return votes.map((vote, c) => vote + factor * (linear[c] as number))
}

interface Labelled {
  readonly scores: Float32Array
  readonly label: number
}

/** Mean of the negative logarithm of what the right class was given. */
function lossOf(rows: readonly Labelled[], temperature: number): number {
  let loss = 0
  for (const { scores, label } of rows) {
    let max = Number.NEGATIVE_INFINITY
    for (const score of scores) max = Math.max(max, score)
    let sum = 0
    for (const score of scores) sum += Math.exp((score - max) / temperature)
    loss += Math.log(sum) - ((scores[label] as number) - max) / temperature
  }
  return loss / rows.length
}

/** Share of the texts in scope whose best intent is the right one. */
function shareRight(rows: readonly Labelled[]): number {
  let right = 0
  let inside = 0
  for (const { scores, label } of rows) {
    const oos = scores.length - 1
    if (label === oos) continue
    inside++
    let best = 0
    for (let c = 1; c < oos; c++) if ((scores[c] as number) > (scores[best] as number)) best = c
    if (best === label) right++
  }
  return inside === 0 ? 0 : right / inside
}
