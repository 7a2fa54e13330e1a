import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'

const url = (file: string) => new URL(file, import.meta.url).href
/** That it can be opened does not matter: the runtime begins before it looks at a file. */
const OPEN = 'await open(new Uint8Array([1])).catch(() => undefined)'
const BARE = `import { InferenceSession } from 'onnxruntime-node'
const open = (onnx) => InferenceSession.create(onnx)
${OPEN}`
const OURS = `import { NetworkSession } from '${url('./session.js')}'
const open = (onnx) => NetworkSession.open(onnx)
${OPEN}`
const IN_THREAD = `import '${url('./index.js')}'
import { Worker } from 'node:worker_threads'
new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(OURS)})))`

/**
 * What a program leaves in its home and its temporary directory, of which it has one for both. It gets nothing else of our environment:
 * the runtime counts nothing where it sees a build server (CI, GITHUB_ACTIONS and the like).
 */
async function left(t: TestContext, program: string): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const env = { PATH: process.env.PATH, HOME: dir, TMPDIR: dir, XDG_CACHE_HOME: dir }
  const args = ['--input-type=module', '--eval', program]
  await promisify(execFile)(process.execPath, args, { env, cwd: import.meta.dirname })
  return (await readdir(dir)).sort()
}

test('the runtime counts nothing and leaves nothing, in the main thread or in another', async (t) => {
  assert.notDeepEqual(await left(t, BARE), [], 'by itself it does: otherwise this test shows nothing')
  assert.deepEqual(await left(t, OURS), [])
  assert.deepEqual(await left(t, IN_THREAD), [])
})
