import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { edgeCommand, Installation } from '../support/installation.js'

const FILES = {
  'tenant.yaml': `apiVersion: yizhan/v1
tenant: acme
name: Acme
languages: [en]
privacy:
  purposes:
    training: {basis: legitimate-interest, title: Making the bot better, version: "1"}
`,
  'intents/it.yaml': `it.vpn: {ask: how do I connect to the vpn, reply: Open Secure Access.}
it.password: {ask: I forgot my password, reply: Ask at the desk.}
`,
}
const QUESTION = 'is there a shuttle to the airport'

test('a question that was forwarded is labelled, learnt, published and answered by the edge without a restart', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yz-loop-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  const all = await Installation.start(t)
  await all.apply(dir)
  const edge = await all.addEdge('hall', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme', 'li')
  t.after(() => li.end())
  assert.equal((await li.ask(QUESTION)).answeredBy, 'center')

  const review = () => all.centerCommand('intents', 'review', '--tenant', 'acme')
  let sample: Record<string, unknown> = {}
  while (sample.id === undefined) sample = await review().catch(() => ({}))
  assert.deepEqual([sample.text, sample.why], [QUESTION, ['forwarded']])
  // Labels of words that the model never saw are learnt, or held out by the mark of the question: both are told.
  await all.centerCommand(
    'intents',
    'label',
    String(sample.id),
    '--tenant',
    'acme',
    '--intent',
    'it.password',
  )
  const candidate = await all.centerCommand('intents', 'train', '--tenant', 'acme')
  const { taught, heldOut } = candidate.lessons as { taught: number; heldOut: number }
  assert.equal(taught + heldOut, 1)
  const published = await all.centerCommand('intents', 'publish', '--tenant', 'acme', '--force')
  await edgeCommand(edge, 'status', '--wait-tenant', `acme@${published.digest}`)
  const answer = await li.ask(QUESTION)
  assert.equal(answer.answeredBy, taught === 1 ? 'edge' : 'center')
  const back = await all.centerCommand('intents', 'rollback', '--tenant', 'acme')
  await edgeCommand(edge, 'status', '--wait-tenant', `acme@${back.digest}`)
  assert.equal((await li.ask(QUESTION)).answeredBy, 'center')
})
