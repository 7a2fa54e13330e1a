import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { ChatClient } from '../support/chat-client.js'
import { command } from '../support/child.js'
import { CENTER_BIN, Installation } from '../support/installation.js'

const VPN = [
  '怎么连 VPN',
  'VPN 连不上',
  '远程办公怎么接入',
  'How do I connect to the VPN?',
  'vpn does not work',
  'remote access',
]
const FAX = [
  '传真号码是多少',
  '发传真到哪里',
  '你们的传真',
  'What is the fax number?',
  'where can I send a fax',
  'your fax please',
]

function intent(id: string, asks: readonly string[], reply: string): string {
  return `${id}:\n  ask: |\n${asks.map((ask) => `    ${ask}`).join('\n')}\n  reply: {zh: "${reply}", en: "${reply}"}\n`
}

const TENANT = 'apiVersion: yizhan/v1\ntenant: acme\nname: Acme\nlanguages: [zh, en]\n'
const TESTS = '- {say: 怎么连VPN, expect: {intent: it.vpn, by: edge, has: first answer}}\n'

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running center, a directory of the tenant acme, and the verbs on it. */
async function setUp(t: TestContext) {
  const center = await Installation.start(t)
  const dir = join(center.dir, 'acme')
  await write('tenant.yaml', TENANT)
  await write('intents/it.yaml', intent('it.vpn', VPN, 'first answer'))
  await write('intents/fax.yaml', intent('it.fax', FAX, '555 0199'))
  await write('tests/smoke.yaml', TESTS)
  async function write(path: string, text: string) {
    await mkdir(join(dir, path, '..'), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  const verb = (...words: string[]): Promise<Ran> =>
    command(CENTER_BIN, ['tenant', ...words, '--state', center.centerState, '--lang', 'en'])
  const apply = (...flags: string[]) => verb('apply', '-f', dir, ...flags)
  const shown = async () => {
    const { stdout } = await verb('show', '--tenant', 'acme', '--json')
    return JSON.parse(stdout) as { version: number; intents: { id: string }[] }
  }
  return { center, dir, write, verb, apply, shown }
}

test('an apply keeps what its directory lacks until --prune, and says so; twice is once', async (t) => {
  const { dir, write, apply, verb, shown } = await setUp(t)
  const first = await apply()
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /^\+ intent it\.fax$/m)
  assert.match(first.stdout, /acme version 1: 2 intents, 12 examples, 0 documents; 1 test passed/)
  assert.match((await apply()).stdout, /^acme version 1: .*nothing to do$/m)

  // A move from one file to another is no deletion and no duplicate.
  await rm(join(dir, 'intents/fax.yaml'))
  await write('intents/it.yaml', intent('it.vpn', VPN, 'first answer') + intent('it.fax', FAX, '555 0199'))
  const moved = await apply()
  assert.equal(moved.code, 0, moved.stderr)
  assert.doesNotMatch(moved.stdout, /^[+~-] intent|kept/m)

  await write('intents/it.yaml', intent('it.vpn', VPN, 'first answer'))
  const kept = await apply()
  assert.equal(kept.code, 0, kept.stderr)
  assert.match(kept.stdout, /^kept: intent it\.fax \(would be deleted with --prune\)$/m)
  assert.deepEqual((await shown()).intents.map(({ id }) => id).sort(), ['it.fax', 'it.vpn'])
  const again = JSON.parse((await apply('--json')).stdout) as { changed: boolean; trainMs: number }
  assert.deepEqual([again.changed, again.trainMs], [false, 0])

  const ahead = await verb('diff', '-f', dir, '--prune', '--exit-code')
  assert.deepEqual([ahead.code, ahead.stdout], [3, '- intent it.fax\n'])
  const pruned = await apply('--prune')
  assert.match(pruned.stdout, /^- intent it\.fax$/m)
  assert.deepEqual(
    (await shown()).intents.map(({ id }) => id),
    ['it.vpn'],
  )
})

test('a dry run and a failing test change nothing, and programs are told on stdout', async (t) => {
  const { write, apply, shown } = await setUp(t)
  const dry = await apply('--dry-run', '--exit-code')
  assert.equal(dry.code, 3, dry.stderr)
  assert.match(dry.stdout, /only tried, nothing was changed/)
  assert.equal((await apply()).code, 0)
  assert.equal((await apply('--dry-run', '--exit-code')).code, 0)

  await write('intents/it.yaml', intent('it.vpn', VPN, 'second answer'))
  for (const flags of [[], ['--dry-run', '--exit-code']]) {
    const failed = await apply(...flags, '--json')
    assert.equal(failed.code, 1)
    const { changed, error } = JSON.parse(failed.stdout) as {
      changed: boolean
      error: { code: string; problems: { path: string; message: string }[] }
    }
    assert.deepEqual([changed, error.code], [false, 'tests_failed'])
    assert.match(error.problems[0]?.path ?? '', /^tests\/smoke\.yaml:1:\d+$/)
    assert.match(error.problems[0]?.message ?? '', /it\.vpn .* expected “first answer” in the reply/)
  }
  assert.equal((await shown()).version, 1)

  await write('intents/it.yaml', 'it.vpn:\n\task: x\n')
  const broken = await apply()
  assert.equal(broken.code, 2)
  assert.match(broken.stderr, /intents\/it\.yaml:2:1/)
  assert.equal((await shown()).version, 1)
})

test('what is exported and applied again is the same, kept objects and all', async (t) => {
  const { center, dir, apply, verb } = await setUp(t)
  await apply()
  await rm(join(dir, 'intents/fax.yaml'))
  await apply()
  const out = join(center.dir, 'out')
  assert.equal((await verb('export', '--tenant', 'acme', '-o', out)).code, 0)
  assert.match(await readFile(join(out, 'intents/kept.yaml'), 'utf8'), /^#.*\n(#.*\n)*\s*it\.fax:/)
  const same = await verb('apply', '-f', out, '--json')
  assert.equal((JSON.parse(same.stdout) as { changed: boolean }).changed, false)
  assert.equal((await verb('export', '--tenant', 'acme', '-o', out)).code, 1)

  // The questions as a table are the same questions.
  const faq = join(out, 'intents/faq.csv')
  assert.equal((await verb('export', '--tenant', 'acme', '--questions', faq)).code, 0)
  await rm(join(out, 'intents/it.yaml'))
  await rm(join(out, 'intents/kept.yaml'))
  const table = await verb('diff', '-f', out, '--exit-code')
  assert.deepEqual([table.code, table.stdout], [0, ''])
})

test('an applied answer is live at a linked edge without a restart, and --wait says when; offline ones are named', async (t) => {
  const { center, write, apply } = await setUp(t)
  await apply()
  const north = await center.addEdge('north', ['acme'])
  const south = await center.addEdge('south', ['acme'])
  const client = await ChatClient.connect(north.mqtt, 'acme')
  t.after(() => client.end())
  assert.equal((await client.ask('怎么连 VPN')).text, 'first answer')
  await south.child.end('SIGTERM')

  await write('intents/it.yaml', intent('it.vpn', VPN, 'second answer'))
  await write('tests/smoke.yaml', TESTS.replace('first', 'second'))
  // Not later than 10 s after it was put in force.
  const applied = await apply('--wait', '10', '--json')
  assert.equal(applied.code, 0, applied.stderr)
  const { edges } = JSON.parse(applied.stdout) as { edges: Record<string, unknown> }
  assert.deepEqual(edges, { applied: ['north'], offline: ['south'], rejected: [], missing: [] })
  assert.equal((await client.ask('怎么连 VPN')).text, 'second answer')
  assert.ok(north.child.running)
})

test('--watch applies on each save, goes on after a mistake, and ends with 0 on Ctrl-C', async (t) => {
  const { center, dir, write } = await setUp(t)
  const watching = spawn(
    process.execPath,
    [CENTER_BIN, 'tenant', 'apply', '-f', dir, '--watch', '--json', '--state', center.centerState],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.after(() => watching.kill('SIGKILL'))
  const lines = createInterface({ input: watching.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value } = await lines.next()
    return JSON.parse(String(value)) as { changed: boolean; version?: number; error?: { code: string } }
  }
  assert.deepEqual(pick(await next()), [true, 1, undefined])

  await write('intents/it.yaml', intent('it.vpn', VPN, 'second answer'))
  assert.deepEqual(pick(await next()), [false, undefined, 'tests_failed'])
  // As editors save: another file is moved over the old one.
  const swap = join(dir, 'tests', '.smoke.yaml.swp')
  await writeFile(swap, TESTS.replace('first', 'second'))
  await rename(swap, join(dir, 'tests', 'smoke.yaml'))
  assert.deepEqual(pick(await next()), [true, 2, undefined])

  watching.kill('SIGINT')
  assert.deepEqual(await once(watching, 'exit'), [0, null])
})

function pick({ changed, version, error }: { changed: boolean; version?: number; error?: { code: string } }) {
  return [changed, version, error?.code]
}

test('a new directory works as it is: init, apply, and a center that is away', async (t) => {
  const { center, verb } = await setUp(t)
  const dir = join(center.dir, 'desk')
  assert.equal((await verb('init', dir)).code, 0)
  const applied = await verb('apply', '-f', dir)
  assert.equal(applied.code, 0, applied.stderr)
  assert.match(applied.stdout, /desk version 1: 4 intents, .* 8 tests passed/)
  await center.center.end('SIGTERM')
  const away = await verb('apply', '-f', dir)
  assert.equal(away.code, 4)
  assert.match(away.stderr, /no center runs/)
})
