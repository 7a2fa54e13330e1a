import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentRecords } from './recent-records.js'

const record = (seq: number, length: number) => Buffer.alloc(length, `${seq} `)

async function seqs(records: RecentRecords, from: number, to: number): Promise<number[] | undefined> {
  const scan = records.scan(from, to)
  if (!scan) return undefined
  const found: number[] = []
  for await (const one of scan) {
    assert.ok(one.kind === 'record' && one.age === Math.floor(one.seq / 3))
    assert.deepEqual(one.bytes, record(one.seq, one.bytes.length))
    found.push(one.seq)
  }
  return found
}

/** Commits of three records, from `first` to before `end`. */
function add(records: RecentRecords, first: number, end: number, length: number): void {
  for (let at = first; at < end; at += 3) {
    records.add({ first: at, age: at / 3, records: [0, 1, 2].map((n) => record(at + n, length + n)) })
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

test('any range of what was added last is given, from the middle of a commit and over blocks', async () => {
  const records = new RecentRecords()
  assert.equal(records.scan(0, 1), undefined)
  add(records, 3, 3_003, 100)
  for (const [from, to] of [
    [3, 3_003],
    [4, 5],
    [5, 9],
    [600, 2_000],
    [3_002, 3_003],
  ] as const) {
    assert.deepEqual(await seqs(records, from, to), range(from, to))
  }
  assert.equal(records.scan(2, 9), undefined, 'that was never here')
  assert.equal(records.scan(9, 9), undefined)
})

test('what comes meanwhile is not given, and what goes meanwhile is', async () => {
  const records = new RecentRecords()
  add(records, 0, 30, 1_000)
  const found: number[] = []
  for await (const one of records.scan(1, 30) ?? assert.fail()) {
    assert.ok(one.kind === 'record')
    assert.deepEqual(one.bytes, record(one.seq, one.bytes.length))
    if (found.push(one.seq) === 1) add(records, 30, 6_030, 1_000)
  }
  assert.deepEqual(found, range(1, 30))
  assert.equal(records.scan(1, 30), undefined, 'more than 4 MiB came after it')
})

test('at most 4 MiB and a block are kept, and a commit larger than a block is whole', async () => {
  const records = new RecentRecords()
  add(records, 0, 3, 5 << 20)
  assert.deepEqual(await seqs(records, 0, 3), [0, 1, 2])
  add(records, 3, 30_003, 200)
  let kept = 0
  for (let from = 30_002; records.scan(from, 30_003); from--) kept += 201
  assert.ok(kept > 3.9 * 2 ** 20 && kept <= 4.1 * 2 ** 20, `${kept} bytes are kept`)
  records.clear()
  assert.equal(records.scan(30_000, 30_003), undefined)
  add(records, 30_003, 30_006, 1)
  assert.deepEqual(await seqs(records, 30_003, 30_006), [30_003, 30_004, 30_005])
})
