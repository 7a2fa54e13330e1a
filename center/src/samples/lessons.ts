import { createHash } from 'node:crypto'
import type { Clock, TenantId } from '@yizhan/kernel'
import type { By } from '../privacy/index.js'
import { type Collection, collectionOf, type Store } from '../storage/index.js'
import { SAMPLES, type Sample, type SampleState } from './sample-collection.js'
import { GroupScan } from './sample-groups.js'
import { isInShare, type SamplePolicy } from './sampling.js'

/** A question that a person has labelled. */
export interface Lesson {
  readonly text: string
  /** An intent, or `oos`. */
  readonly intent: string
  /** Whose question it is, if a message named them. */
  readonly subjects: readonly string[]
}

/** What a tenant's samples give to a training. */
export interface Lessons {
  /** For training. */
  readonly taught: readonly Lesson[]
  /** Labelled, but never trained on: a model is held against them. The same question always falls on the same side. */
  readonly heldOut: readonly Lesson[]
  /** Questions that the center answered and nobody complained about, out of scope for all that is known. */
  readonly background: readonly Omit<Lesson, 'intent'>[]
  /** SHA-256 of all of it, in hex: another one if a training would see anything else. */
  readonly digest: string
}

export interface LessonBookDeps {
  readonly store: Store
  readonly policy: SamplePolicy
  readonly clock: Clock
}

const HELD_OUT_PERCENT = 20
const MAX_LABELLED = 20_000
const MAX_BACKGROUND = 1_000
const PAGE = 500

/** Reads a tenant's samples for a training. Those whose asker has withdrawn are deleted on the way. */
export class LessonBook {
  readonly #deps: LessonBookDeps
  readonly #samples: Collection<Sample>

  constructor(deps: LessonBookDeps) {
    this.#deps = deps
    this.#samples = collectionOf(deps, SAMPLES)
  }

  async lessons(tenant: TenantId, by: By, signal: AbortSignal): Promise<Lessons> {
    const labelled = await this.#questions(tenant, 'labelled', MAX_LABELLED, () => true, by, signal)
    const background = await this.#questions(
      tenant,
      'open',
      MAX_BACKGROUND,
      (members) => members.every((sample) => sample.background),
      by,
      signal,
    )
    const taught: Lesson[] = []
    const heldOut: Lesson[] = []
    for (const members of labelled) {
      const [newest] = members
      if (!newest?.label) continue
      const side = isInShare(newest.group, HELD_OUT_PERCENT) ? heldOut : taught
      side.push({ text: newest.text, intent: newest.label.intent, subjects: subjectsOf(members) })
    }
    const lessons = {
      taught,
      heldOut,
      background: background.map((members) => ({
        text: members[0]?.text ?? '',
        subjects: subjectsOf(members),
      })),
    }
    const digest = createHash('sha256').update(JSON.stringify(lessons)).digest('hex')
    return { ...lessons, digest }
  }

  /** Newest first, each question with all who asked it. */
  async #questions(
    tenant: TenantId,
    state: SampleState,
    max: number,
    wanted: (members: readonly Sample[]) => boolean,
    by: By,
    signal: AbortSignal,
  ): Promise<(readonly Sample[])[]> {
    const groups = new GroupScan({ ...this.#deps, samples: this.#samples }, tenant, state)
    const found: (readonly Sample[])[] = []
    let cursor: string | undefined
    do {
      signal.throwIfAborted()
      const page = await this.#samples.scan(tenant, {
        index: { name: 'state' },
        from: `${state}/`,
        to: `${state}0`,
        reverse: true,
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      })
      for (const { value } of page.records) {
        const members = (await groups.membersIfFirst(value))?.map((held) => held.value)
        if (members && wanted(members)) found.push(members)
      }
      cursor = page.cursor
    } while (cursor !== undefined && found.length < max)
    await groups.dropWithdrawn(by)
    return found.slice(0, max)
  }
}

function subjectsOf(members: readonly Sample[]): string[] {
  return [...new Set(members.flatMap(({ subject }) => subject ?? []))]
}
