import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { type Commit, CommitQueue } from './commit-queue.js'

interface Told extends Commit {
  readonly name: number
  readonly errors: unknown[]
}

function commit(name: number, bytes = 1): Told {
  const errors: unknown[] = []
  return { name, bytes, errors, reject: (error) => errors.push(error) }
}

function codeOf(told: Told): unknown {
  return told.errors.map((error) => error instanceof YizhanError && error.code)
}

/** A disk that finishes a group when it is told to. */
function handHeld() {
  const groups: { readonly names: readonly number[]; finish(): void; fail(error: Error): void }[] = []
  const queue = new CommitQueue<Told>(
    (group) =>
      new Promise((finish, fail) => {
        groups.push({ names: group.map((member) => member.name), finish, fail })
      }),
  )
  return { groups, queue }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

test('what comes while a group is being written goes together into the next one, in order', async () => {
  const { groups, queue } = handHeld()
  queue.push(commit(0))
  await settle()
  for (let name = 1; name <= 5; name++) queue.push(commit(name))
  groups[0]?.finish()
  await settle()
  assert.deepEqual(
    groups.map((group) => group.names),
    [[0], [1, 2, 3, 4, 5]],
  )
})

test('a group is bounded in number and bytes, and one large commit still goes through', async () => {
  const { groups, queue } = handHeld()
  const mib = 1024 * 1024
  for (let name = 0; name < 300; name++) queue.push(commit(name))
  for (const [name, bytes] of [3 * mib, 3 * mib, 9 * mib].entries()) queue.push(commit(1000 + name, bytes))
  for (let i = 0; i < 5; i++) {
    await settle()
    groups[i]?.finish()
  }
  assert.deepEqual(
    groups.map((group) => group.names.length),
    [256, 45, 1, 1],
  )
})

test('beyond the bound a commit is refused as overloaded, and room comes back', async () => {
  const { groups, queue } = handHeld()
  queue.push(commit(0))
  await settle()
  for (let name = 0; name < 4_096; name++) queue.push(commit(name))
  const refused = commit(9_999)
  queue.push(refused)
  assert.deepEqual(codeOf(refused), ['overloaded'])
  groups[0]?.finish()
  await settle()
  const accepted = commit(10_000)
  queue.push(accepted)
  assert.deepEqual(codeOf(accepted), [])
})

test('a group that throws rejects its members only, and the next group is written', async () => {
  const { groups, queue } = handHeld()
  const first = commit(1)
  const second = commit(2)
  queue.push(first)
  await settle()
  queue.push(second)
  groups[0]?.fail(new YizhanError('data_corrupt', 'unreadable'))
  await settle()
  assert.deepEqual(codeOf(first), ['data_corrupt'])
  assert.deepEqual(codeOf(second), [])
  assert.deepEqual(groups[1]?.names, [2])
})

test('close waits for what was accepted and refuses the rest', async () => {
  const { groups, queue } = handHeld()
  queue.push(commit(1))
  const closed = queue.close()
  const late = commit(2)
  queue.push(late)
  assert.deepEqual(codeOf(late), ['unavailable'])
  let done = false
  void closed.then(() => {
    done = true
  })
  await settle()
  assert.equal(done, false)
  groups[0]?.finish()
  await closed
})
