import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type ProgramHost, runCli } from '@yizhan/kernel'
import { defineCommands } from './commands.js'

const HOST: ProgramHost = {
  version: '0',
  stdin: new PassThrough(),
  stdout: process.stdout,
  stderr: process.stderr,
  onSignal: () => undefined,
}

async function run(...argv: string[]) {
  const text = { out: '', err: '' }
  const sink = (name: 'out' | 'err') => ({
    write: (chunk: string) => {
      text[name] += chunk
    },
  })
  const options = { name: 'yizhan-center', version: '0', argv, env: {} }
  const code = await runCli({ ...options, stdout: sink('out'), stderr: sink('err') }, (program, io) =>
    defineCommands(program, io, HOST),
  )
  return { code, ...text }
}

test('the help of every verb has an example and the flags that it takes from the program, in both languages', async () => {
  const verbs = [
    ...['list', 'token', 'tenants', 'revoke'].map((verb) => ['edges', verb]),
    ...['init', 'check', 'test', 'diff', 'apply', 'list', 'show', 'export', 'schema'].map((verb) => [
      'tenant',
      verb,
    ]),
    ...['list', 'drain', 'undrain'].map((verb) => ['backends', verb]),
    ['quota', 'show'],
    ...['import', 'list', 'delete', 'reindex', 'search', 'ask'].map((verb) => ['knowledge', verb]),
    ['messages', 'list'],
    ...[
      'train',
      'eval',
      'list',
      'diff',
      'publish',
      'rollback',
      'review',
      'label',
      'propose',
      'paraphrase',
    ].map((verb) => ['intents', verb]),
    ...['list', 'query', 'show', 'verify', 'export', 'keys', 'center'].map((verb) => ['audit', verb]),
    ...['create', 'list', 'revoke'].map((verb) => ['api-keys', verb]),
    ...['list', 'put', 'get', 'check', 'remove'].map((verb) => ['attachments', verb]),
    ...['list', 'show', 'retry', 'edit', 'reroute', 'answer', 'abandon', 'takeover'].map((verb) => [
      'turns',
      verb,
    ]),
    ...['status', 'rotate', 'export'].map((verb) => ['keys', verb]),
    ...['list', 'places', 'show', 'check', 'move', 'compact', 'reseal'].map((verb) => ['storage', verb]),
    ...['create', 'list', 'verify', 'prune', 'restore'].map((verb) => ['backup', verb]),
  ]
  for (const verb of verbs) {
    const line = `yizhan-center ${verb.join(' ')}`
    const en = await run(...verb, '--help')
    assert.equal(en.code, 0)
    assert.match(en.out, new RegExp(`Global Options:[^]*--json[^]*Examples?:\\n  ${line}`), line)
    const zh = await run(...verb, '--help', '--lang', 'zh')
    assert.match(zh.out, new RegExp(`^用法： ${line}[^]*全局选项：[^]*示例：\\n  ${line}`), line)
  }
})
