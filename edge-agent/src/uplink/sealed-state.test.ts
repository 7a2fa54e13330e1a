import assert from 'node:assert/strict'
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { silentLogger, YizhanError } from '@yizhan/kernel'
import { sealPlainState } from './sealed-state.js'
import { startTestCenter } from './testing/center.js'
import { startTestEdge } from './testing/edge.js'
import { FILES, offer, ready, stateWith } from './testing/offers.js'
import { contentOf, testFiles } from './testing/sealed.js'

const deps = { log: silentLogger(), files: testFiles }
// Nobody listens on the discard port.
const offline = { linkAddress: '127.0.0.1:9' }

function filesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((path) => basename(path) !== 'sealed')
}

/** The name that a file is sealed under. */
async function nameOf(path: string): Promise<string> {
  if (path.includes('identity.json')) return 'identity'
  if (path.endsWith('-state.json')) return 'desired state'
  const digest = basename(dirname(path))
  if (path.endsWith('manifest.json')) return `bundle ${digest}`
  const manifest = await readPlain(join(dirname(path), 'manifest.json'), `bundle ${digest}`)
  const { files } = JSON.parse(manifest.toString()) as { files: { path: string; sha256: string }[] }
  return `bundle ${files.find((file) => file.path === basename(path))?.sha256}`
}

async function readPlain(path: string, name: string): Promise<Buffer> {
  const bytes = readFileSync(path)
  return bytes.subarray(0, 6).toString() === 'YZFILE' ? ((await testFiles.read(path, name)) ?? bytes) : bytes
}

/** An edge with two states and their bundles, stopped, its files plain as an older version left them. */
async function plainEdge(t: TestContext) {
  const { center, edge } = await ready(t)
  const digests = [center.shelf.add(FILES), center.shelf.add({ ...FILES, 'tenant.json': '{"answers":2}' })]
  for (const [i, digest] of digests.entries()) {
    offer(center, stateWith(center, BigInt(i + 1), digest))
    await center.results.next()
  }
  await edge.uplink.stop('upgrade')
  const contents = new Map<string, Buffer>()
  for (const path of filesIn(edge.dir)) contents.set(path, await readPlain(path, await nameOf(path)))
  assert.equal(contents.size, 9)
  const plain = () => {
    for (const [path, bytes] of contents) {
      rmSync(path, { force: true })
      writeFileSync(path, bytes)
    }
    rmSync(join(edge.dir, 'sealed'), { force: true })
  }
  plain()
  const [one = '', two = ''] = digests
  return { center, dir: edge.dir, one, two, contents, plain }
}

async function assertSealed(contents: ReadonlyMap<string, Buffer>) {
  for (const [path, bytes] of contents) {
    assert.equal(readFileSync(path).subarray(0, 7).toString(), 'YZFILE1', path)
    assert.deepEqual(await testFiles.read(path, await nameOf(path)), bytes)
  }
}

test('an edge whose files are plain takes them over and serves from them without the center', async (t) => {
  const { center, dir, two, contents } = await plainEdge(t)
  // The older versions shared what did not change.
  const [linked, other] = [...contents.keys()].filter((path) => path.endsWith('model.onnx'))
  rmSync(other ?? '')
  linkSync(linked ?? '', other ?? '')
  const edge = await startTestEdge(t, center, { dir, config: offline })
  assert.equal(edge.uplink.identity?.edgeId, 'bj-01')
  const { state, dirs } = await edge.applied.next()
  assert.equal(state.revision, 2n)
  assert.equal(await contentOf(dirs.get(two), 'model.onnx', 'weights'), 'weights')
  await edge.uplink.stop('test ended')
  await assertSealed(contents)
})

test('taking over goes on after a crash at any file', async (t) => {
  const { dir, contents, plain } = await plainEdge(t)
  for (let crashAt = 0; crashAt < contents.size; crashAt++) {
    plain()
    let sealed = 0
    const files = {
      ...testFiles,
      async seal(path: string, name: string) {
        if (sealed++ === crashAt) throw new YizhanError('storage_failed', 'crash')
        return testFiles.seal(path, name)
      },
    }
    await assert.rejects(sealPlainState({ ...deps, files }, dir), /crash/)
    await sealPlainState(deps, dir)
    await assertSealed(contents)
  }
})

test('what was set aside is sealed as well; a damaged bundle and a half-fetched one are fetched again', async (t) => {
  const { dir, one, two, contents } = await plainEdge(t)
  const aside = join(dir, 'identity.json.damaged-1')
  writeFileSync(aside, '-----BEGIN PRIVATE KEY-----')
  appendFileSync(join(dir, 'bundles', one, 'manifest.json'), ' ')
  mkdirSync(join(dir, 'bundles', `.staging-${one}`))
  writeFileSync(join(dir, 'bundles', `.staging-${one}`, 'model.onnx'), 'wei')
  await sealPlainState(deps, dir)
  assert.equal((await testFiles.read(aside, 'identity'))?.toString(), '-----BEGIN PRIVATE KEY-----')
  assert.deepEqual(readdirSync(join(dir, 'bundles')), [two])
  await assertSealed(new Map([...contents].filter(([path]) => !path.includes(one))))
})

test('a full disk stops the taking over, and nothing is lost', async (t) => {
  const { dir, contents } = await plainEdge(t)
  const files = {
    ...testFiles,
    async seal(path: string, name: string) {
      if (path.endsWith('model.onnx')) throw new YizhanError('disk_full', 'no space')
      return testFiles.seal(path, name)
    },
  }
  await assert.rejects(sealPlainState({ ...deps, files }, dir), /no space/)
  await sealPlainState(deps, dir)
  await assertSealed(contents)
})

test('a new edge and one that was taken over have nothing left to do', async (t) => {
  const center = await startTestCenter(t)
  const edge = await startTestEdge(t, center)
  await edge.uplink.stop('restart')
  const files = {
    ...testFiles,
    seal: () => Promise.reject(new Error('looked at a file')),
  }
  await sealPlainState({ ...deps, files }, edge.dir)
})
