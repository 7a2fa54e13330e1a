import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TenantId } from '@yizhan/kernel'
import fc from 'fast-check'
import { tenantId } from '../inference/testing/book-harness.js'
import { FairQueue, type Waiter } from './fair-queue.js'

const a = tenantId('a')
const b = tenantId('b')
/** Longest prompt and answer of the simulated requests, and how many run at once at most. */
const LONGEST = 400
const MOST_RUNNING = 8

interface Work extends Waiter {
  readonly actualTokens: number
  readonly outputTokens: number
}

const work = fc.record({
  estimatedTokens: fc.integer({ min: 1, max: LONGEST }),
  actualTokens: fc.integer({ min: 1, max: LONGEST }),
  outputTokens: fc.integer({ min: 0, max: LONGEST }),
})
type Shape = typeof work extends fc.Arbitrary<infer T> ? T : never

const scenario = fc.record({
  running: fc.integer({ min: 1, max: MOST_RUNNING }),
  weights: fc.record({ a: fc.integer({ min: 1, max: 4 }), b: fc.integer({ min: 1, max: 4 }) }),
  /** What each tenant asks, again and again: one may ask for much and the other for little. */
  of: fc.record({
    a: fc.array(work, { minLength: 1, maxLength: 6 }),
    b: fc.array(work, { minLength: 1, maxLength: 6 }),
  }),
  /** Tokens that a request writes in a step, in turn. */
  pace: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 5 }),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

/** An engine with so many places behind a fair queue in which some tenants always have somebody waiting. */
function simulate({ running, weights, of, pace }: Scenario) {
  const weightOf = (tenant: TenantId) => weights[tenant === a ? 'a' : 'b']
  const queue = new FairQueue<Work>({ weightOf, agedMs: Number.MAX_SAFE_INTEGER })
  const served = { a: 0, b: 0 }
  const asked = { a: 0, b: 0 }
  const waiting = { a: 0, b: 0 }
  const inService: { readonly one: Work; written: number }[] = []
  const nameOf = (tenant: TenantId) => (tenant === a ? 'a' : 'b')
  const push = (name: 'a' | 'b') => {
    const shapes: readonly Shape[] = of[name]
    const shape = shapes[asked[name]++ % shapes.length]
    assert.ok(shape)
    waiting[name]++
    queue.push({ ...shape, tenant: name === 'a' ? a : b, priority: 'interactive', since: 0 })
  }
  let steps = 0
  const step = (backlogged: readonly ('a' | 'b')[]) => {
    while (inService.length < running) {
      for (const name of backlogged) while (waiting[name] < 2) push(name)
      const one = queue.next(0)
      assert.ok(one, 'somebody waits and there is room')
      queue.serve(one)
      waiting[nameOf(one.tenant)]--
      served[nameOf(one.tenant)] += one.estimatedTokens
      inService.push({ one, written: 0 })
    }
    const at = steps++ % inService.length
    const current = inService[at]
    assert.ok(current)
    const { one } = current
    const name = nameOf(one.tenant)
    const tokens = Math.min(pace[steps % pace.length] ?? 1, one.outputTokens - current.written)
    current.written += tokens
    served[name] += tokens
    queue.charge(one.tenant, tokens)
    if (current.written < one.outputTokens) return
    const correction = one.actualTokens - one.estimatedTokens
    served[name] += correction
    queue.settle(one.tenant, correction)
    inService.splice(at, 1)
  }
  return { step, served, weights }
}

/**
 * Who is served has been charged the least at that moment. Until the other one's turn it can gain its own prompt and what
 * those in service still write, and the other one can lose what was estimated too high for those.
 */
function bound({ running, weights }: Scenario): number {
  return (LONGEST + running * (LONGEST + LONGEST)) / Math.min(weights.a, weights.b)
}

test('two tenants that always wait are served the same by weight, but for the bound of the algorithm', () => {
  fc.assert(
    fc.property(scenario, (given) => {
      const { step, served, weights } = simulate(given)
      for (let n = 0; n < 600; n++) {
        step(['a', 'b'])
        const gap = Math.abs(served.a / weights.a - served.b / weights.b)
        assert.ok(gap <= bound(given), `${gap} tokens apart, more than ${bound(given)}`)
      }
    }),
    { numRuns: 100 },
  )
})

test('a tenant that asked nothing for long has no more coming than one that did', () => {
  fc.assert(
    fc.property(scenario, fc.integer({ min: 0, max: 300 }), (given, alone) => {
      const { step, served, weights } = simulate(given)
      for (let n = 0; n < alone; n++) step(['a'])
      const before = served.a
      // Until all that runs has ended twice: the one that comes back starts level, so an equal may go first.
      for (let n = 0; n < 2 * MOST_RUNNING * (LONGEST + 1); n++) {
        step(['a', 'b'])
        const lead = served.b / weights.b - (served.a - before) / weights.a
        assert.ok(lead <= bound(given), `the one that was away leads by ${lead}, more than ${bound(given)}`)
      }
      assert.ok(served.b > 0)
    }),
    { numRuns: 100 },
  )
})

test('under an endless flood of a higher class a batch is served, at the latest after its age and eight services each', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 0, max: 500 }),
      fc.constantFrom('task' as const, 'batch' as const),
      (batches, agedMs, priority) => {
        const queue = new FairQueue<Waiter>({ weightOf: () => 1, agedMs })
        for (let n = 0; n < batches; n++)
          queue.push({ tenant: b, priority, estimatedTokens: 1_000_000, since: 0 })
        let left = batches
        for (let now = 0; left > 0; now++) {
          queue.push({ tenant: a, priority: 'interactive', estimatedTokens: 1, since: now })
          const next = queue.next(now)
          assert.ok(next)
          if (next.priority === priority) left--
          queue.serve(next)
          queue.settle(next.tenant, 0)
          assert.ok(now <= agedMs + 9 * batches, 'a batch starves')
          assert.ok(left === batches || now >= agedMs, 'a batch went before its time')
        }
      },
    ),
  )
})
