import { type Decision, OOS } from '@yizhan/intent'
import { type Clock, type TenantId, YizhanError } from '@yizhan/kernel'
import { toStored } from '../fleet/index.js'
import type { By } from '../privacy/index.js'
import {
  type AuditEntry,
  type Collection,
  collectionOf,
  type Store,
  type TypedRecord,
} from '../storage/index.js'
import { type Reason, SAMPLES, type Sample, type SampleState } from './sample-collection.js'
import { GroupScan, type Held } from './sample-groups.js'
import type { SamplePolicy } from './sampling.js'

export interface SampleDeskDeps {
  readonly store: Store
  readonly policy: SamplePolicy
  readonly tenants: {
    /** Of the directory in force; undefined before the first apply. */
    intents(tenant: TenantId): Promise<readonly string[] | undefined>
    /** What the model in force makes of texts; undefined if there is none that can be read. */
    decide(
      tenant: TenantId,
      texts: readonly string[],
      signal: AbortSignal,
    ): Promise<readonly Decision[] | undefined>
  }
  readonly clock: Clock
}

export interface SampleQuery {
  /** Default `open`. */
  readonly state?: Exclude<SampleState, 'discarded'>
  /** Only what is listed for this reason. */
  readonly why?: Reason
  /** Default 50, at most 200. */
  readonly limit?: number
  readonly cursor?: string
}

/** Samples of one question as one. */
export interface ListedSample {
  /** Of the newest one. */
  readonly sample: Sample
  /** How many there are, of whomever; at most 100 are counted. */
  readonly count: number
  readonly why: readonly Reason[]
  readonly suggested?: string
  /** By a model of language, for one of them. */
  readonly proposed?: string
  /** What the model in force makes of it. */
  readonly guess?: Pick<Decision, 'intent' | 'score' | 'top'>
}

export interface SamplePage {
  readonly samples: readonly ListedSample[]
  /** Undefined once everything was looked at. A page may be short, or even empty, and still have one. */
  readonly cursor?: string
}

const MAX_LOOKED_AT = 2_000
const PAGE = 100
/** Samples that one batch changes. */
const AT_ONCE = 500
/** In place of the words of a discarded one: the mark of its question stays, so that it does not come back. */
const NO_WORDS = '-'

/** What people see of samples, and the labels that they give. */
export class SampleDesk {
  readonly #deps: SampleDeskDeps
  readonly #samples: Collection<Sample>

  constructor(deps: SampleDeskDeps) {
    this.#deps = deps
    this.#samples = collectionOf(deps, SAMPLES)
  }

  /**
   * Questions, newest first, the same question once; that they were read is in the audit before. Those whose asker has
   * withdrawn meanwhile are deleted.
   */
  async review(
    tenant: TenantId,
    { state = 'open', why, limit = 50, cursor }: SampleQuery,
    by: By,
    signal: AbortSignal,
  ): Promise<SamplePage> {
    const groups = new GroupScan({ ...this.#deps, samples: this.#samples }, tenant, state)
    const found: ListedSample[] = []
    let next = cursor
    let looked = 0
    do {
      signal.throwIfAborted()
      const page = await this.#samples.scan(tenant, {
        index: { name: 'state' },
        from: `${state}/`,
        to: `${state}0`,
        reverse: true,
        limit: Math.min(PAGE, limit - found.length),
        ...(next === undefined ? {} : { cursor: next }),
      })
      for (const { value } of page.records) {
        const members = await groups.membersIfFirst(value)
        const listed = members && listedOf(members)
        if (listed && (why === undefined || listed.why.includes(why))) found.push(listed)
      }
      looked += page.records.length
      next = page.cursor
    } while (next !== undefined && found.length < limit && looked < MAX_LOOKED_AT)
    await groups.dropWithdrawn(by)
    const entry = this.#entry('READ', `${SAMPLES.def.name}/${state}`, by, { samples: found.length })
    await this.#deps.store.batch(tenant, [], entry)
    const samples = await this.#guessed(tenant, found, signal)
    return { samples, ...(next === undefined ? {} : { cursor: next }) }
  }

  /**
   * Gives a sample, and all with the same question, a label: an intent, `oos`, or `discard`. Tells how many there were.
   * `not_found`, `invalid_argument` for an intent that the tenant has not got.
   */
  async label(tenant: TenantId, id: string, verdict: string, by: By): Promise<number> {
    const held = await this.#samples.get(tenant, id)
    if (!held) throw new YizhanError('not_found', 'there is no such sample here', { hint: 'intents review' })
    await this.#checkVerdict(tenant, verdict)
    const { group } = held.value
    const members: Held[] = []
    let cursor: string | undefined
    do {
      const page = await this.#samples.scan(tenant, {
        index: { name: 'group' },
        from: `${group}/`,
        to: `${group}0`,
        ...(cursor === undefined ? {} : { cursor }),
      })
      members.push(...page.records)
      cursor = page.cursor
    } while (cursor !== undefined)
    const at = this.#deps.clock.wall()
    for (let start = 0; start < members.length; start += AT_ONCE) {
      const part = members.slice(start, start + AT_ONCE)
      const changes = part.map(({ value, version }) =>
        this.#samples.save(withVerdict(value, verdict, { at, by: by.actor }), { expectedVersion: version }),
      )
      const entry = this.#entry('UPDATE', `${SAMPLES.def.name}/${id}`, by, {
        label: verdict,
        samples: part.length,
      })
      await this.#deps.store.batch(tenant, changes, {
        ...entry,
        before: toStored({ state: held.value.state, label: held.value.label?.intent ?? '' }),
      })
    }
    return members.length
  }

  async #checkVerdict(tenant: TenantId, verdict: string): Promise<void> {
    if (verdict === OOS || verdict === 'discard') return
    const intents = (await this.#deps.tenants.intents(tenant)) ?? []
    if (intents.includes(verdict)) return
    throw new YizhanError('invalid_argument', 'the tenant has no intent of this name', {
      details: { intent: verdict },
      hint: 'an intent of tenant show, oos, or discard',
    })
  }

  async #guessed(
    tenant: TenantId,
    listed: readonly ListedSample[],
    signal: AbortSignal,
  ): Promise<ListedSample[]> {
    if (listed.length === 0) return []
    const texts = listed.map(({ sample }) => sample.text)
    const decisions = await this.#deps.tenants.decide(tenant, texts, signal)
    return listed.map((one, i) => {
      const decision = decisions?.[i]
      if (!decision) return one
      const { intent, score, top } = decision
      return { ...one, guess: { intent, score, top } }
    })
  }

  #entry(action: AuditEntry['action'], object: string, by: By, after: object): AuditEntry {
    const { actor, requestId } = by
    return {
      time: this.#deps.clock.wall(),
      actor,
      action,
      object,
      ...(requestId === undefined ? {} : { requestId }),
      after: toStored(after),
    }
  }
}

function listedOf(members: readonly TypedRecord<Sample>[]): ListedSample | undefined {
  const sample = members[0]?.value
  if (!sample) return undefined
  const all = members.map(({ value }) => value)
  const suggested = all.find((one) => one.suggested !== undefined)?.suggested
  const proposed = all.find((one) => one.proposed !== undefined)?.proposed?.intent
  return {
    sample,
    count: all.length,
    why: [...new Set(all.flatMap(({ why }) => why))],
    ...(suggested === undefined ? {} : { suggested }),
    ...(proposed === undefined ? {} : { proposed }),
  }
}

function withVerdict(
  { label: _label, ...sample }: Sample,
  verdict: string,
  given: { readonly at: number; readonly by: string },
): Sample {
  if (verdict === 'discard') return { ...sample, text: NO_WORDS, state: 'discarded' }
  // Its words are gone: there is nothing to teach.
  if (sample.state === 'discarded') return sample
  return { ...sample, state: 'labelled', label: { intent: verdict, ...given } }
}
