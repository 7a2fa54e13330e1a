import type { TenantId } from '@yizhan/kernel'

/** A question of people that a person has labelled. */
export interface Lesson {
  /** Of the sample. */
  readonly id: string
  readonly text: string
  /** An intent, or `oos`. */
  readonly intent: string
  /** Whose question it is, if a message named them. */
  readonly subjects: readonly string[]
}

/** What people's questions give to a training of a tenant's model. */
export interface Lessons {
  /** For training. */
  readonly taught: readonly Lesson[]
  /** Labelled, but never trained on: a model is held against them. The same question always falls on the same side. */
  readonly heldOut: readonly Lesson[]
  /** Questions that the center answered and nobody complained about, out of scope for all that is known. */
  readonly background: readonly Omit<Lesson, 'intent'>[]
  /** Others that wait for a label: nothing is learnt from them, but what a model makes of them can be counted. */
  readonly waiting: readonly Omit<Lesson, 'intent'>[]
  /** SHA-256 of all that is learnt from, in hex: another one if a training would see anything else. */
  readonly digest: string
}

export const NO_LESSONS: Lessons = { taught: [], heldOut: [], background: [], waiting: [], digest: '' }

/** `actor` stands in the audit if something is deleted on the way. */
export type LessonsOf = (tenant: TenantId, actor: string, signal: AbortSignal) => Promise<Lessons>
