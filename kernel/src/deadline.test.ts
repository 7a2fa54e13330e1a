import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { deadlineSignal } from './deadline.js'

test('a deadline fires beside other signals, also after garbage was collected', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const other = new AbortController()
  // The deadline keeps no process alive.
  const alive = setInterval(() => undefined, 1_000)
  t.after(() => clearInterval(alive))
  const aborted = once(AbortSignal.any([other.signal, deadlineSignal(30)]), 'abort')
  gc()
  await aborted
  assert.equal(other.signal.aborted, false)
})

test('its reason tells a deadline from a wish', async () => {
  const signal = deadlineSignal(0)
  const alive = setTimeout(() => undefined, 60_000)
  await once(signal, 'abort')
  clearTimeout(alive)
  assert.equal((signal.reason as Error).name, 'TimeoutError')
})
