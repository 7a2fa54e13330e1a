import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { status } from '@grpc/grpc-js'
import { ERROR_MEANING } from './error-meaning.js'
import { ERROR_TABLE, isErrorCode, toYizhanError, YizhanError } from './errors.js'

const page = new URL('../../docs/errors.md', import.meta.url)

function documented(): Map<string, string[]> {
  const rows = new Map<string, string[]>()
  for (const line of readFileSync(page, 'utf8').split('\n')) {
    const [code = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    const name = /^`([a-z_]+)`$/.exec(code)?.[1]
    if (name === undefined) continue
    assert.ok(!rows.has(name), `${name} is documented twice`)
    rows.set(name, cells)
  }
  return rows
}

test('docs/errors.md has every code, with the very traits of the table', () => {
  const rows = documented()
  for (const [code, traits] of Object.entries(ERROR_TABLE)) {
    assert.ok(isErrorCode(code))
    const { en, zh } = ERROR_MEANING[code]
    const { grpc, http, exit, level, retryable } = traits
    const expected = [en, zh, grpc, String(http), String(exit), level, retryable ? 'yes' : 'no']
    assert.deepEqual(rows.get(code), expected, code)
  }
})

test('docs/errors.md has no code that the table lacks', () => {
  for (const code of documented().keys())
    assert.ok(isErrorCode(code), `${code} is documented and does not exist`)
})

test('every gRPC status of the table exists, and none says OK', () => {
  for (const traits of Object.values(ERROR_TABLE)) assert.ok(status[traits.grpc] > 0, traits.grpc)
})

test('names of Object.prototype are no codes', () => {
  assert.equal(isErrorCode('constructor'), false)
  assert.equal(isErrorCode('__proto__'), false)
  assert.equal(isErrorCode(undefined), false)
})

test('an error takes its traits from the table and may override retryable', () => {
  const error = new YizhanError('unavailable', 'no route', { retryable: false, hint: 'wait' })
  assert.equal(error.traits.http, 503)
  assert.equal(error.retryable, false)
  assert.equal(error.hint, 'wait')
  assert.equal(new YizhanError('unavailable', 'no route').retryable, true)
  assert.deepEqual(error.details, {})
})

test('a foreign error becomes ours with itself as cause; ours stays the same object', () => {
  const foreign = new TypeError('x is not a function')
  const error = toYizhanError(foreign, 'backend_failed')
  assert.equal(error.code, 'backend_failed')
  assert.equal(error.cause, foreign)
  assert.equal(toYizhanError(error), error)
  assert.equal(toYizhanError('plain text').code, 'internal')
})
