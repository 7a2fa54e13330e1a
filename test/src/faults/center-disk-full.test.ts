import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { command } from '../support/child.js'
import { ACME, CENTER_BIN, edgeCommand, Installation } from '../support/installation.js'
import { allowed } from './runner/needs.js'
import { mountSmallDisk, type SmallDisk } from './small-disk.js'

const HEAVY = '北京出差住宿每晚不超过多少？'

test("the center's disk is full: it refuses in words, reads on, loses nothing, and writes again with space", {
  timeout: 300_000,
}, async (t) => {
  if (!allowed(t, 'mount')) return
  const all = await Installation.start(t)
  await all.apply(ACME)
  await all.center.end()
  const disk = await mountSmallDisk(all.centerState, 64)
  const ends: (() => Promise<unknown>)[] = []
  try {
    await story(
      all,
      disk,
      (end) => ends.push(end),
      (figures) => t.diagnostic(figures),
    )
  } finally {
    // Before the installation goes with the test: its directory cannot be deleted while it is mounted.
    for (const end of ends) await end()
    for (const edge of all.edges) await edge.child.end('SIGKILL')
    await all.center.end('SIGKILL')
    disk.unmount()
  }
})

async function story(
  all: Installation,
  disk: SmallDisk,
  atEnd: (end: () => Promise<unknown>) => void,
  say: (figures: string) => void,
): Promise<void> {
  await all.startCenter()
  const edge = await all.addEdge('branch', ['acme'])
  const li = await ChatClient.connect(edge.mqtt, 'acme')
  atEnd(() => li.end())
  const answered = await li.ask(HEAVY)
  assert.equal(answered.answeredBy, 'center')

  // A change of the tenant that has not been applied yet.
  const changed = join(all.dir, 'changed')
  await cp(ACME, changed, { recursive: true })
  const file = join(changed, 'tenant.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^name: .*$/m, 'name: Acme Two'))
  const state = ['--state', all.centerState, '--json']
  const center = (...words: string[]) => command(CENTER_BIN, [...words, ...state])
  const codeOf = async (...words: string[]) => {
    const { code, stderr, stdout } = await center(...words)
    if (code === 0) return 'ok'
    const line = stderr.trim().split('\n').at(-1) ?? ''
    assert.match(line, /^\{/, stderr + stdout)
    return JSON.parse(line).error.code as string
  }
  const shown = async () => {
    const { version, digest } = await all.centerCommand('tenant', 'show', '--tenant', 'acme')
    const { stdout } = await center('audit', 'list', '--tenant', 'acme')
    const objects = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).object as string)
    // Of applies: a join token that was made has an entry of its own.
    return { version, digest, audit: objects.filter((object) => object === objects[0]).length }
  }
  const before = await shown()
  assert.equal(before.version, 1)

  await disk.fill()
  const apply = ['tenant', 'apply', '-f', changed]
  const refusals = [await codeOf(...apply)]
  // Small records fit into the last blocks that the logs have; then there are none.
  for (let i = 0; i < 15 && refusals.length < 2; i++) {
    await disk.fill()
    const answer = await codeOf('edges', 'token', `other-${i}`, '--tenant', 'acme')
    if (answer !== 'ok') refusals.push(answer)
  }
  refusals.push(await codeOf(...apply))
  assert.deepEqual(refusals, ['disk_full', 'disk_full', 'disk_full'])

  // Nothing half-written, reads go on.
  assert.deepEqual(await shown(), before)
  assert.equal(await codeOf('edges', 'list'), 'ok')
  assert.equal(await codeOf('knowledge', 'search', '--tenant', 'acme', '北京住宿'), 'ok')

  assert.equal(await codeOf('storage', 'check'), 'ok')

  // The edge keeps what it has, answers by itself and gets its answers.
  assert.equal((await li.ask('怎么连 VPN？')).answeredBy, 'edge')
  const whileFull = await li.ask(HEAVY)
  assert.deepEqual([whileFull.answeredBy, whileFull.text], ['center', answered.text])

  // Killed and started again on the full disk.
  await all.center.end('SIGKILL')
  const waiting = await li.say(HEAVY)
  await all.startCenter()
  assert.equal((await li.final(waiting)).text, answered.text)
  await edgeCommand(edge, 'status', '--wait-link', 'ready')
  assert.deepEqual(await shown(), before)
  await disk.fill()
  assert.equal(await codeOf('tenant', 'apply', '-f', changed), 'disk_full')
  // A second time: what the first start used up must not be missing now.
  await all.center.end('SIGTERM')
  await all.startCenter()
  assert.deepEqual(await shown(), before)

  await disk.free()
  assert.equal(await codeOf('storage', 'check'), 'ok')
  const { version } = await all.apply(changed)
  assert.equal(version, 2)
  assert.equal((await shown()).audit, before.audit + 1)
  await edgeCommand(edge, 'status', '--wait-tenant', 'acme')
  assert.equal((await li.ask(HEAVY)).answeredBy, 'center')
  const finals = li.out.filter(({ type }) => type === 'final')
  assert.equal(new Set(finals.map(({ inReplyTo }) => inReplyTo)).size, finals.length, 'one final each')
  say(`refused ${refusals.join(', ')}; 2 restarts on the full disk; ${finals.length} answers, none twice`)
}
