import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const CHILD = fileURLToPath(new URL('./testing/cancel-while-closing-child.js', import.meta.url))

test('a call that is cancelled while another of its connection is being closed ends, and so does the process', async () => {
  // Where it does not, the process spins and takes no other signal.
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD], {
    timeout: 30_000,
    killSignal: 'SIGKILL',
  })
  assert.equal(stdout, 'CANCELLED\n')
})
