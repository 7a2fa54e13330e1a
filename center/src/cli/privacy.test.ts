import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type CliIo, runCli, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { CenterCall, CenterStream } from './center-call.js'
import { privacyCommands } from './privacy.js'

interface Asked {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

/** One command line against a center that is made up; `answers` are given in order. */
async function run(words: readonly string[], ...answers: unknown[]) {
  const text = { out: '', err: '' }
  const asked: Asked[] = []
  const sink = (name: 'out' | 'err') => ({
    write: (chunk: string) => {
      text[name] += chunk
    },
  })
  const next = (question: Asked) => {
    asked.push(question)
    if (answers.length === 0) assert.fail(`nobody shall be asked: ${question.method} ${question.path}`)
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  }
  const call: CenterCall = async <T>(_command: Command, method: string, path: string, body?: unknown) =>
    next({ method, path, ...(body === undefined ? {} : { body }) }) as T
  const stream: CenterStream = async (_command, method, path) => {
    const chunks = next({ method, path }) as readonly string[]
    async function* body() {
      for (const chunk of chunks) yield Buffer.from(chunk)
    }
    return { headers: {}, body: body() }
  }
  const define = (program: Command, io: CliIo) => privacyCommands(program, io, call, stream)
  const [stdout, stderr] = [sink('out'), sink('err')]
  const argv = ['privacy', ...words]
  const code = await runCli({ name: 'yizhan-center', version: '0', argv, env: {}, stdout, stderr }, define)
  return { code, ...text, asked }
}

async function scratch(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-privacy-cli-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const AT = '/v1/tenants/acme/privacy'
const acme = ['--tenant', 'acme']

for (const [what, words] of [
  ['an erasure without the id once more', ['erase', 'sub_1', ...acme]],
  ['an erasure with another id', ['erase', 'sub_1', ...acme, '--name', 'sub_2']],
  ['a correction of nothing', ['subjects', 'correct', 'sub_1', ...acme]],
  ['a hold without a reason', ['holds', 'set', 'sub_1', ...acme]],
  ['a hold until no day', ['holds', 'set', ...acme, '--reason', 'x', '--until', 'soon']],
  ['a name that is no tenant', ['sweep', '--tenant', 'No One']],
  ['an export to nowhere', ['export', 'sub_1', ...acme, '--to', '']],
  ['a certificate that is not there', ['certificate', 'verify', '/nowhere/at/all.json']],
] as const) {
  test(`${what} is refused before anybody is asked`, async () => {
    const { code, asked, err } = await run(words)
    assert.equal(code, 2)
    assert.deepEqual(asked, [])
    assert.match(err, /error/)
  })
}

test('an account is looked for in the body, never in the path', async () => {
  const words = ['subjects', 'find', ...acme, '--channel', 'web', '--sender', 'anna']
  const { out, asked } = await run(words, { subject: 'sub_1' })
  const body = { channel: 'web', sender: 'anna' }
  assert.deepEqual(asked, [{ method: 'POST', path: `${AT}/subjects/find`, body }])
  assert.equal(out, 'subject: sub_1\n')
})

test('an empty text takes a name away', async () => {
  const { asked } = await run(['subjects', 'correct', 'sub_1', ...acme, '--name', ''], {})
  assert.deepEqual(asked[0]?.body, { name: null })
})

test('an erasure goes out with the id once more, or with --yes', async () => {
  for (const sure of [['--yes'], ['--name', 'sub_1']]) {
    const { code, asked } = await run(['erase', 'sub_1', ...acme, ...sure], { id: 'era_1', state: 'waiting' })
    assert.equal(code, 0)
    assert.deepEqual(asked, [{ method: 'POST', path: `${AT}/subjects/sub_1/erase` }])
  }
})

test('what a hold refuses is told with the way out of it', async () => {
  const refusal = new YizhanError('failed_precondition', 'a legal hold keeps the data of this person', {
    hint: 'privacy holds release hold_1 --tenant acme',
  })
  const { code, err } = await run(['erase', 'sub_1', ...acme, '--yes'], refusal)
  assert.equal(code, 1)
  assert.match(err, /legal hold.*holds release hold_1/s)
})

test('a copy is written to a new file, and an old file is left alone', async (t) => {
  const path = join(await scratch(t), 'copy.zip')
  const words = ['export', 'sub_1', ...acme, '--to', path]
  const { out, asked } = await run(words, ['PK', '…'])
  assert.deepEqual(asked, [{ method: 'GET', path: `${AT}/subjects/sub_1/copy` }])
  assert.match(out, /bytes: 5/)
  assert.equal(await readFile(path, 'utf8'), 'PK…')
  const again = await run(words, ['other'])
  assert.match(again.err, /already_exists/)
  assert.equal(await readFile(path, 'utf8'), 'PK…')
})

test('lists go on to their last page, as one object a line with --json', async () => {
  const words = ['cases', 'list', ...acme, '--json']
  const { out, asked } = await run(words, { cases: [{ id: 'a' }], cursor: 'x/y' }, { cases: [{ id: 'b' }] })
  assert.equal(out, '{"id":"a"}\n{"id":"b"}\n')
  assert.deepEqual(
    asked.map(({ path }) => path),
    [`${AT}/cases?state=open`, `${AT}/cases?state=open&cursor=x%2Fy`],
  )
})

test('a certificate is saved, shown by place, and checked with an exit code', async (t) => {
  const path = join(await scratch(t), 'certificate.json')
  const place = { place: 'edge beijing-1', what: 'turns', state: 'pending' }
  const signed = {
    keyId: 'k',
    payload: JSON.stringify({ subject: 'sub_1', places: [place] }),
    signature: 's',
  }
  await run(['certificate', 'save', 'era_1', ...acme, '--to', path], signed)
  assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), signed)
  const shown = await run(['erasures', 'show', 'era_1', ...acme], signed)
  assert.match(shown.out, /subject: sub_1.*edge beijing-1 +turns +pending/s)

  const valid = await run(['certificate', 'verify', path], { s: 'valid', certificate: {} })
  assert.equal(valid.code, 0)
  assert.deepEqual(valid.asked[0]?.body, signed)
  assert.equal((await run(['certificate', 'verify', path], { s: 'altered' })).code, 1)
  await writeFile(path, 'no json')
  assert.equal((await run(['certificate', 'verify', path])).code, 2)
})

test('a dry sweep shows the counts by class and what a hold keeps', async () => {
  const report = { classes: { turns: { count: 3, oldest: '2026-01-01' } }, audit: { count: 0 }, held: 2 }
  const { out, err, asked } = await run(['sweep', ...acme, '--dry-run'], report)
  assert.deepEqual(asked[0]?.body, { dryRun: true })
  assert.match(out, /turns +3 +2026-01-01/)
  assert.match(err, /2 more are kept by a legal hold/)
  assert.match((await run(['sweep', ...acme, '--lang', 'zh'], report)).err, /另有 2 条/)
})

test('a hold ends with the day that was named', async () => {
  const { asked } = await run(['holds', 'set', ...acme, '--reason', 'x', '--until', '2027-12-31'], {})
  assert.deepEqual(asked[0]?.body, { reason: 'x', until: Date.UTC(2028, 0, 1) - 1 })
})

test('every verb has help with an example, in both languages', async () => {
  const verbs = [
    ...['find', 'show', 'correct', 'link'].map((verb) => ['subjects', verb]),
    ['consents', 'list'],
    ['export'],
    ['erase'],
    ...['list', 'show'].map((verb) => ['erasures', verb]),
    ...['save', 'verify'].map((verb) => ['certificate', verb]),
    ...['list', 'set', 'release'].map((verb) => ['holds', verb]),
    ...['list', 'close'].map((verb) => ['cases', verb]),
    ['sweep'],
  ]
  for (const verb of verbs) {
    const line = `yizhan-center privacy ${verb.join(' ')}`
    const en = await run([...verb, '--help'])
    assert.match(en.out, new RegExp(`Examples?:\\n  ${line}`), line)
    const zh = await run([...verb, '--help', '--lang', 'zh'])
    assert.match(zh.out, new RegExp(`示例：\\n  ${line}`), line)
  }
})
