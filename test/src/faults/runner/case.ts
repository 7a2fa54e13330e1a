import type { Scope } from '../../support/scope.js'
import type { Station, StationOptions } from '../station.js'
import type { Need } from './needs.js'

/** What a case has measured, by name. Units stand in the names (`driftMs`), counts have none. */
export type Figures = Readonly<Record<string, number | string>>

/** One fault that the system must stand (FAULTS list), in a process of its own. */
export interface Case {
  /** As in the list of faults; a word for a suite that is not in it. */
  readonly number: number | string
  readonly title: string
  /** What must be here and allowed; otherwise the case is skipped by name. */
  readonly needs: readonly Need[]
  /** Also part of `npm test`: takes a few seconds. */
  readonly quick?: boolean
  /** It is judged by times that others on the machine would change: it runs after them, at most two of its kind at once. */
  readonly measures?: boolean
  /** Longest run, `[scaled, full]`; default [300_000, 1_800_000]. */
  readonly timeoutMs?: readonly [number, number]
  /** Throws if the system did not stand it; throw `Skipped` for what only shows on the way. */
  run(context: CaseContext): Promise<Figures>
}

/** `scaled`: the whole list in about 15 minutes on two cores. `full`: real durations and numbers. `quick`: what `npm test` has time for. */
export type Length = 'scaled' | 'full' | 'quick'

export interface CaseContext extends Scope {
  readonly length: Length
  /** Aborts when the time of the case is over. */
  readonly signal: AbortSignal
  /** A directory of its own; removed at the end. */
  readonly dir: string
  /** Numbers in [0, 1) of the seed that is printed with the case. */
  readonly random: () => number
  /** What goes with the length of this run; in `npm test` the last one, default that of a scaled run. */
  pick<T>(scaled: T, full: T, quick?: T): T
  /** A line of progress on stderr. */
  say(text: string): void
  /** Runs at the end whatever happens, last one first. */
  after(fn: () => unknown): void
  /** A center with a stub engine, and edges: see `Station`. Everything ends with the case. */
  station(options?: StationOptions): Promise<Station>
}

/** Thrown by a case that cannot run here: a right that is missing, say. Never passed silently: the runner shouts it. */
export class Skipped extends Error {}

export type Status = 'passed' | 'failed' | 'skipped'

export interface Result {
  readonly case: number | string
  readonly title: string
  readonly status: Status
  readonly figures: Figures
  readonly seconds: number
  /** Why it was skipped or failed. */
  readonly reason?: string
}
