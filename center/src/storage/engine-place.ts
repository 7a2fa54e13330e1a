import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { ManualClock, plainSealer, type Sealer, YizhanError } from '@yizhan/kernel'
import { takeBatch } from './batch-input.js'
import { audit, type StorageGiven } from './contract-place.js'
import type { RecordEngine, Row, Scope, ScopeProblem } from './engine.js'
import type { AuditEntry, Change, IndexTerm } from './port.js'

export type RowPlace = Pick<Row, 'kind' | 'collection' | 'key'>

/** Hands on what lies on disk, past the engine. */
export interface Tamper {
  read(scope: Scope, place: RowPlace): Promise<Uint8Array | undefined>
  /** Puts these bytes there, or takes the row away; leaves every index as it is. */
  write(scope: Scope, place: RowPlace, bytes: Uint8Array | undefined): Promise<void>
  /** Makes or removes the entry of a term, and nothing else. */
  term(scope: Scope, collection: string, key: string, term: IndexTerm, there: boolean): Promise<void>
}

export interface OpenedEngine {
  readonly engine: RecordEngine
  readonly tamper: Tamper
  close(): Promise<void>
}

/** An empty place for one engine; each call of `EnginePlaceOf` gives another. */
export interface EnginePlace {
  open(given: StorageGiven): Promise<OpenedEngine>
}

export type EnginePlaceOf = (t: TestContext) => Promise<EnginePlace>

export const never: AbortSignal = new AbortController().signal

/** One engine that is open until the test ends. */
export async function openedEngine(
  t: TestContext,
  place: EnginePlaceOf,
  sealer: Sealer = plainSealer,
): Promise<OpenedEngine & { readonly clock: ManualClock }> {
  const clock = new ManualClock()
  const opened = await (await place(t)).open({ clock, sealer })
  t.after(() => opened.close())
  return { ...opened, clock }
}

/** One batch, with an audit entry unless the scope is the system's. */
export function write(
  engine: RecordEngine,
  scope: Scope,
  changes: readonly Change[],
  entry: Partial<AuditEntry> = {},
): Promise<readonly number[]> {
  return engine.batch(scope, takeBatch(changes, scope === null ? undefined : { ...audit, ...entry }))
}

export const record = (key: string, collection = 'things'): RowPlace => ({ kind: 'record', collection, key })
export const auditRow = (sequence: number): RowPlace => ({
  kind: 'audit',
  collection: '',
  key: sequence.toString(16).padStart(14, '0'),
})
export const HEAD: RowPlace = { kind: 'head', collection: '', key: '' }

/** `what`, with the key where there is one, sorted. */
export async function problems(engine: RecordEngine, scope: Scope): Promise<string[]> {
  const check = await engine.check(scope, never)
  assert.equal(check.problemCount, check.problems.length)
  return check.problems.map(named).toSorted()
}

function named({ what, collection, key }: ScopeProblem): string {
  const place = [collection, key === undefined || collection ? key : String(Number.parseInt(key, 16))]
  return [what, ...place.filter((part) => part !== undefined)].join(' ')
}

export async function allRows(engine: RecordEngine, scope: Scope): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of engine.rows(scope, never)) rows.push(...page)
  return rows
}

/** Everything that a reader can see of a scope. */
export async function seen(engine: RecordEngine, scope: Scope): Promise<object> {
  const scans = { limit: 1_000 }
  return {
    things: await engine.scan(scope, 'things', scans),
    notes: await engine.scan(scope, 'notes', scans),
    byState: await engine.scan(scope, 'things', { ...scans, index: { name: 'state' } }),
    ofPerson: await engine.places(scope, { subject: 's1' }, scans),
    expiring: await engine.places(scope, { expiredBefore: Number.MAX_SAFE_INTEGER }, scans),
    audit: scope === null ? [] : await engine.audit(scope, scans),
    head: await engine.head(scope),
  }
}

/**
 * Plain sealing under generations of keys: `rotate` begins the next, `retire` destroys those before it. The generation
 * is the first byte of what is sealed.
 */
export class RotatingSealer implements Sealer {
  readonly id = 'rotating'
  readonly erased = new Set<string>()
  #newest = 1
  #oldest = 1

  rotate(): void {
    this.#newest += 1
  }

  retire(): void {
    this.#oldest = this.#newest
  }

  async sealAll(items: Parameters<Sealer['sealAll']>[0]): Promise<Uint8Array[]> {
    if (items.some(({ context }) => this.erased.has(context.subject ?? ''))) {
      throw new YizhanError('erased', 'the person was erased')
    }
    const sealed = await plainSealer.sealAll(items)
    return sealed.map((bytes) => Uint8Array.of(this.#newest, ...bytes))
  }

  openAll(items: Parameters<Sealer['openAll']>[0]): ReturnType<Sealer['openAll']> {
    return Promise.all(
      items.map(async ({ sealed, context }) => {
        if (this.erased.has(context.subject ?? '')) return { s: 'erased' } as const
        const generation = sealed[0] ?? 0
        if (generation < this.#oldest || generation > this.#newest) {
          throw new YizhanError('key_unknown', 'no key of this generation')
        }
        const [opened] = await plainSealer.openAll([{ sealed: sealed.subarray(1), context }])
        return opened ?? assert.fail()
      }),
    )
  }
}
