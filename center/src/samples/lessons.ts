import { createHash } from 'node:crypto'
import type { Clock, TenantId } from '@yizhan/kernel'
import type { By } from '../privacy/index.js'
import { type Collection, collectionOf, type Store } from '../storage/index.js'
import type { Lesson, Lessons } from '../tenants/index.js'
import { SAMPLES, type Sample, type SampleState } from './sample-collection.js'
import { GroupScan } from './sample-groups.js'
import { isInShare, type SamplePolicy } from './sampling.js'

export interface LessonBookDeps {
  readonly store: Store
  readonly policy: SamplePolicy
  readonly clock: Clock
}

const HELD_OUT_PERCENT = 20
const MAX_LABELLED = 20_000
const MAX_OPEN = 2_000
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
    const labelled = await this.#questions(tenant, 'labelled', MAX_LABELLED, by, signal)
    const open = await this.#questions(tenant, 'open', MAX_OPEN, by, signal)
    const isBackground = (members: readonly Sample[]) => members.every((sample) => sample.background)
    const taught: Lesson[] = []
    const heldOut: Lesson[] = []
    for (const members of labelled) {
      const [newest] = members
      if (!newest?.label) continue
      const side = isInShare(newest.group, HELD_OUT_PERCENT) ? heldOut : taught
      side.push({ ...lessonOf(members), intent: newest.label.intent })
    }
    const lessons = {
      taught,
      heldOut,
      background: open.filter(isBackground).map(lessonOf),
    }
    const digest = createHash('sha256').update(JSON.stringify(lessons)).digest('hex')
    const waiting = open.filter((members) => !isBackground(members)).map(lessonOf)
    return { ...lessons, waiting, digest }
  }

  /** Newest first, each question with all who asked it. */
  async #questions(
    tenant: TenantId,
    state: SampleState,
    max: number,
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
        if (members) found.push(members)
      }
      cursor = page.cursor
    } while (cursor !== undefined && found.length < max)
    await groups.dropWithdrawn(by)
    return found.slice(0, max)
  }
}

function lessonOf(members: readonly Sample[]): Omit<Lesson, 'intent'> {
  const { id = '', text = '' } = members[0] ?? {}
  return { id, text, subjects: [...new Set(members.flatMap(({ subject }) => subject ?? []))] }
}
