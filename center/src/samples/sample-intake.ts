import { exactKey, normalise } from '@yizhan/intent'
import type { Clock, TenantId } from '@yizhan/kernel'
import { TURNS, type Turn, type TurnFollower } from '../ledger/index.js'
import { questionMark } from '../privacy/index.js'
import { type Change, type Collection, collectionOf, type Store, type TypedRecord } from '../storage/index.js'
import { isCorrection, REASONS, SAMPLES, type Sample } from './sample-collection.js'
import { type FoundSample, sampleOf } from './sample-of.js'
import { isInShare, type SamplePolicy } from './sampling.js'

export interface SampleIntakeDeps {
  readonly store: Store
  readonly keys: { lookupKey(tenant: TenantId): Promise<Uint8Array> }
  readonly policy: SamplePolicy
  readonly clock: Clock
}

interface Found extends FoundSample {
  readonly turn: Turn
}

const PAGE = 1_000
/** Of one question that was asked back, how many get what its asker chose. */
const MAX_OF_GROUP = 20
const COUNT_FOR_MS = 60_000

/**
 * Keeps what turns teach, in the batch that changes the turns (ADR 8): what its asker has not agreed to, what falls
 * outside the tenant's share, and what comes when `max` wait already is not kept.
 */
export class SampleIntake implements TurnFollower {
  readonly #deps: SampleIntakeDeps
  readonly #samples: Collection<Sample>
  readonly #turns: Collection<Turn>
  /** How many wait for a label: counted again after a while, and with what came since. */
  readonly #open = new Map<TenantId, { readonly at: number; count: number }>()

  constructor(deps: SampleIntakeDeps) {
    this.#deps = deps
    this.#samples = collectionOf(deps, SAMPLES)
    this.#turns = collectionOf(deps, TURNS)
  }

  async changes(tenant: TenantId, turns: readonly Turn[]): Promise<readonly Change[]> {
    const found = await this.#found(tenant, turns)
    if (found.length === 0) return []
    const ids = found.map(({ turn }) => turn.id)
    const known = await this.#samples.getMany(tenant, ids)
    const changed = new Map<string, Change>()
    for (const [i, one] of found.entries()) {
      const held = known[i]
      if (held) this.#put(changed, held, merged(held.value, one))
      else if (one.why.length > 0) await this.#keep(tenant, one, changed)
      else for (const other of await this.#asked(tenant, one)) this.#put(changed, ...other)
    }
    return [...changed.values()]
  }

  async #found(tenant: TenantId, turns: readonly Turn[]): Promise<Found[]> {
    const found: Found[] = []
    for (const turn of turns) {
      if (!turn.final) continue
      const { successorOf } = turn
      const before =
        successorOf === undefined
          ? undefined
          : (turns.find(({ id }) => id === successorOf) ??
            (await this.#turns.get(tenant, successorOf))?.value)
      // What a person made of a question is nobody's question; what became of the first one is told of that.
      if (successorOf !== undefined && !before) continue
      const sample = before ? sampleOf(before, turn) : sampleOf(turn)
      if (sample) found.push({ ...sample, turn: before ?? turn })
    }
    return found
  }

  async #keep(tenant: TenantId, { turn, ...sample }: Found, changed: Map<string, Change>): Promise<void> {
    const { policy } = this.#deps
    const { share, max } = await policy.sampling(tenant)
    if (!sample.why.some(isCorrection) && !isInShare(turn.id, share)) return
    if (!(await policy.mayLearn(tenant, turn.subject))) return
    const group = await this.#group(tenant, sample.text)
    if (group === undefined) return
    // It has its label, or is not wanted; unless somebody says now that the answer was wrong.
    const [newest] = await this.#newest(tenant, group, 1)
    if (newest && newest.value.state !== 'open' && !sample.why.some(isCorrection)) return
    const open = await this.#openOf(tenant, max)
    if (open.count >= max) return
    open.count += 1
    const { id, receivedAt: at, edge, subject } = turn
    const value: Sample = {
      ...sample,
      id,
      at,
      edge,
      group,
      state: 'open',
      ...(subject === undefined ? {} : { subject }),
    }
    changed.set(id, this.#samples.save(value, { expectedVersion: 0 }))
  }

  /** The same question of the same person, asked back and open, with what its asker has chosen now. */
  async #asked(tenant: TenantId, { text, suggested, turn }: Found) {
    const group = await this.#group(tenant, text)
    if (group === undefined || suggested === undefined) return []
    return (await this.#newest(tenant, group, MAX_OF_GROUP))
      .filter(({ value }) => value.subject === turn.subject && value.why.includes('asked-back'))
      .map((held) => [held, { ...held.value, suggested }] as const)
  }

  async #newest(tenant: TenantId, group: string, limit: number): Promise<readonly TypedRecord<Sample>[]> {
    const index = { name: 'group' }
    const range = { index, from: `${group}/`, to: `${group}0`, reverse: true, limit }
    return (await this.#samples.scan(tenant, range)).records
  }

  #put(changed: Map<string, Change>, { value, version }: TypedRecord<Sample>, next: Sample): void {
    if (JSON.stringify(value) === JSON.stringify(next)) return
    changed.set(value.id, this.#samples.save(next, { expectedVersion: version }))
  }

  /** Undefined for a text of which nothing is left. */
  async #group(tenant: TenantId, text: string): Promise<string | undefined> {
    const key = exactKey(normalise(text))
    return key && questionMark(await this.#deps.keys.lookupKey(tenant), key)
  }

  async #openOf(tenant: TenantId, max: number): Promise<{ count: number }> {
    const { clock } = this.#deps
    const known = this.#open.get(tenant)
    if (known && clock.monotonic() - known.at < COUNT_FOR_MS) return known
    const fresh = { at: clock.monotonic(), count: 0 }
    let cursor: string | undefined
    do {
      const page = await this.#samples.scan(tenant, {
        index: { name: 'state' },
        from: 'open/',
        to: 'open0',
        limit: PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      })
      fresh.count += page.records.length
      cursor = page.cursor
    } while (cursor !== undefined && fresh.count < max)
    this.#open.set(tenant, fresh)
    return fresh
  }
}

/** What was known, and what is new; a label stays. */
function merged(held: Sample, { turn: _turn, ...found }: Found): Sample {
  const why = REASONS.filter((reason) => held.why.includes(reason) || found.why.includes(reason))
  const { text, background, suggested = held.suggested, ...rest } = found
  return {
    ...held,
    ...rest,
    why,
    text,
    background: held.background && background,
    ...(suggested === undefined ? {} : { suggested }),
  }
}
