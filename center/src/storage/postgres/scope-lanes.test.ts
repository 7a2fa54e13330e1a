import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acme, code, tenant } from '../contract-place.js'
import type { Scope } from '../engine.js'
import { ScopeLanes } from './scope-lanes.js'

interface Work {
  readonly name: string
  readonly bytes: number
  reject(error: unknown): void
}

const other = tenant('other')

/** Lanes whose groups wait until they are let through. */
function held() {
  const groups: { scope: Scope; names: string[]; pass(): void; fail(error: Error): void }[] = []
  const refused: unknown[] = []
  const lanes = new ScopeLanes<Work>((scope, group) => {
    return new Promise((resolve, reject) => {
      groups.push({ scope, names: group.map(({ name }) => name), pass: resolve, fail: reject })
    })
  })
  const push = (scope: Scope, name: string, bytes = 1) =>
    lanes.push(scope, { name, bytes, reject: (error) => refused.push(error) })
  // Every promise that is ready has run by then.
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { lanes, groups, refused, push, settle }
}

test('what comes while a group of a scope is committed makes the next group, in order; other scopes do not wait', async () => {
  const { groups, push, settle } = held()
  push(acme, 'a')
  push(acme, 'b')
  await settle()
  push(acme, 'c')
  push(other, 'x')
  push(null, 's')
  push(acme, 'd')
  await settle()
  assert.deepEqual(
    groups.map(({ scope, names }) => [scope, names]),
    [
      [acme, ['a', 'b']],
      [other, ['x']],
      [null, ['s']],
    ],
  )
  groups[0]?.pass()
  await settle()
  assert.deepEqual(groups[3]?.names, ['c', 'd'])
})

test('a group has at most 256 commits or 4 MiB, and one commit in any case', async () => {
  const { groups, push, settle } = held()
  push(acme, 'huge', 5 * 1024 * 1024)
  for (let i = 0; i < 300; i++) push(acme, `${i}`)
  await settle()
  for (let i = 0; i < 3; i++) {
    groups[i]?.pass()
    await settle()
  }
  assert.deepEqual(
    groups.map(({ names }) => names.length),
    [1, 256, 44],
  )
})

test('over all scopes at most 4,096 commits or 64 MiB wait; what comes beyond is refused', async () => {
  const { groups, refused, push, settle } = held()
  push(acme, 'first')
  await settle()
  for (let i = 0; i < 4_096; i++) push(tenant(`t${i % 7}`), `${i}`)
  assert.equal(refused.length, 0)
  push(null, 'beyond')
  assert.ok(code('overloaded')(refused[0]))
  for (const group of groups.slice()) group.pass()
  await settle()
  push(null, 'fits', 64 * 1024 * 1024)
  push(null, 'beyond')
  assert.equal(refused.length, 2)
})

test('a group that throws refuses its members, and the scope goes on', async () => {
  const { groups, refused, push, settle } = held()
  push(acme, 'a')
  await settle()
  push(acme, 'b')
  const error = new Error('broken')
  groups[0]?.fail(error)
  await settle()
  assert.deepEqual(refused, [error])
  assert.deepEqual(groups[1]?.names, ['b'])
})

test('closing waits for what was taken, and refuses what comes later', async () => {
  const { lanes, groups, refused, push, settle } = held()
  push(acme, 'a')
  push(other, 'x')
  let closed = false
  const closing = lanes.close().then(() => {
    closed = true
  })
  push(acme, 'late')
  assert.ok(code('unavailable')(refused[0]))
  await settle()
  groups[0]?.pass()
  await settle()
  assert.equal(closed, false)
  groups[1]?.pass()
  await closing
})
