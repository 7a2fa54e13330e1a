import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { encodeModel, MODEL_FILE, TENANT_FILE } from '@yizhan/intent'
import { endlessOnnx, smallModel } from '@yizhan/intent/testing'
import { ChatClient } from '../support/chat-client.js'
import { Installation } from '../support/installation.js'
import { putInForce } from '../support/signed-bundle.js'

const FILES = {
  'tenant.yaml': 'apiVersion: yizhan/v1\ntenant: acme\nname: Acme\nlanguages: [en]\n',
  'intents/it.yaml': 'it.vpn: {ask: how do I connect to the vpn, reply: Open Secure Access.}\n',
}

interface Listed {
  readonly rejected?: { readonly message: string }
}

test('a hostile bundle with a good signature is refused by the edge, told at the center, and the last good one stays', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-acme-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  await mkdir(join(dir, 'intents'))
  for (const [path, text] of Object.entries(FILES)) await writeFile(join(dir, path), text)
  const all = await Installation.start(t)
  const { digest } = await all.apply(dir)
  const edge = await all.addEdge('hall', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme', 'li')
  t.after(() => li.end())
  const ask = async () => (await li.ask('How do I connect to the VPN?')).text
  assert.equal(await ask(), 'Open Secure Access.')

  const model = await smallModel()
  const tenantFile = await readFile(join(all.centerState, 'bundles', String(digest), TENANT_FILE))
  await all.center.end('SIGTERM')
  const files = encodeModel(model).set(MODEL_FILE, endlessOnnx(model)).set(TENANT_FILE, tenantFile)
  const hostile = await putInForce(all.centerState, 'acme', files)
  await all.startCenter()
  let shown: Listed = {}
  while (!shown.rejected) shown = (await all.centerCommand('edges', 'list')) as Listed
  assert.match(shown.rejected.message, /the ONNX model is refused/)
  assert.equal((await all.centerCommand('tenant', 'show', '--tenant', 'acme')).digest, hostile)
  assert.equal(await ask(), 'Open Secure Access.')
  // The next good one is taken.
  const mended = 'it.vpn: {ask: how do I connect to the vpn, reply: Ask at the desk.}\n'
  await writeFile(join(dir, 'intents/it.yaml'), mended)
  await all.centerCommand('tenant', 'apply', '-f', dir, '--wait')
  assert.equal(await ask(), 'Ask at the desk.')
})
