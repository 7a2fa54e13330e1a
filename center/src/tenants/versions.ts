import { type Static, Type } from '@sinclair/typebox'
import type { Clock, TenantId } from '@yizhan/kernel'
import { type Change, type Collection, collectionOf, defineCollection, type Store } from '../storage/index.js'
import type { Lessons } from './lessons.js'

const Count = Type.Integer({ minimum: 0 })

const Version = Type.Object({
  /** Of the bundle; from 1, grows. */
  number: Type.Integer({ minimum: 1 }),
  digest: Type.String(),
  sizeBytes: Count,
  /** Of the directory that it was made of. */
  filesDigest: Type.String(),
  madeAt: Count,
  madeBy: Type.String(),
  /** When it was last put in force; left out for a candidate. */
  publishedAt: Type.Optional(Count),
  /** What people taught it, by numbers. */
  lessons: Type.Object({ digest: Type.String(), taught: Count, heldOut: Count, background: Count }),
  /** Random ids of those whose questions it learnt from; `*` in place of too many. */
  subjects: Type.Array(Type.String()),
  /** Left out for one that was made by an apply. */
  report: Type.Optional(Type.Unknown()),
})

/** A bundle of a tenant that was in force, or may be. */
export type Version = Static<typeof Version>

const VERSIONS = defineCollection({
  name: 'model-versions',
  version: 1,
  schema: Version,
  key: ({ number }) => keyOf(number),
})

/** Those that were in force and can be again; the candidate comes on top. */
const MAX_KEPT = 5
// A record holds them all, and a record's size has a bound.
const MAX_SUBJECTS = 20_000
const ANYBODY = '*'

/** The versions of each tenant's bundle that are kept, so that one can be put in force again. */
export class VersionBook {
  readonly #versions: Collection<Version>

  constructor(deps: { readonly store: Store; readonly clock: Clock }) {
    this.#versions = collectionOf(deps, VERSIONS)
  }

  /** Newest first. */
  async list(tenant: TenantId): Promise<readonly Version[]> {
    const { records } = await this.#versions.scan(tenant, { reverse: true })
    return records.map(({ value }) => value)
  }

  /** Of the next bundle. */
  async nextNumber(tenant: TenantId, inForce: number): Promise<number> {
    const [newest] = await this.list(tenant)
    return Math.max(inForce, newest?.number ?? 0) + 1
  }

  /** Keeps a version, and lets go of those that it takes the place of. */
  async keep(tenant: TenantId, version: Version): Promise<Change[]> {
    const others = (await this.list(tenant)).filter(({ number }) => number !== version.number)
    const isCandidate = (one: Version) => one.publishedAt === undefined
    const published = others.filter((one) => !isCandidate(one))
    const gone = [...others.filter(isCandidate), ...published.slice(MAX_KEPT - 1)]
    return [this.#versions.save(version), ...gone.map(({ number }) => this.#versions.delete(keyOf(number)))]
  }

  delete({ number }: Version): Change {
    return this.#versions.delete(keyOf(number))
  }
}

/** What a version says of the lessons that it learnt. */
export function learnt({
  taught,
  heldOut,
  background,
  digest,
}: Lessons): Pick<Version, 'lessons' | 'subjects'> {
  const subjects = new Set([...taught, ...background].flatMap((lesson) => lesson.subjects))
  return {
    lessons: { digest, taught: taught.length, heldOut: heldOut.length, background: background.length },
    subjects: subjects.size > MAX_SUBJECTS ? [ANYBODY] : [...subjects],
  }
}

/** Whether a version may have learnt from this person. */
export function learntFrom({ subjects }: Pick<Version, 'subjects'>, subject: string): boolean {
  return subjects.includes(subject) || subjects.includes(ANYBODY)
}

function keyOf(number: number): string {
  return String(number).padStart(12, '0')
}
