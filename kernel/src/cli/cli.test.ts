import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Type } from '@sinclair/typebox'
import type { Command } from 'commander'
import { compileConfig } from '../config/index.js'
import { YizhanError } from '../errors.js'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { type CliIo, configCommands, runCli } from './index.js'

const compiler = compileConfig(
  Type.Object({
    uplink: Type.Object({ drainMs: Type.Integer({ minimum: 0, default: 5, description: 'How long.' }) }),
    apiToken: Type.Optional(Type.String({ secret: true })),
  }),
)

interface Run {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(
  line: string | string[],
  options: {
    env?: Record<string, string>
    tty?: boolean
    lang?: 'zh' | 'en'
    define?: (program: Command, io: CliIo) => void
  } = {},
): Promise<Run> {
  const text = { out: '', err: '' }
  const sink = (name: 'out' | 'err') => ({
    isTTY: options.tty ?? false,
    write: (chunk: string) => {
      text[name] += chunk
    },
  })
  const env = options.env ?? {}
  const code = await runCli(
    {
      name: 'yizhan-edge',
      version: '1.2.3',
      argv: typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line,
      env,
      stdout: sink('out'),
      stderr: sink('err'),
      about: { protocol: 1 },
      ...(options.lang ? { lang: options.lang } : {}),
    },
    options.define ??
      ((program, io) => {
        program.option('--config <file>', 'config file').option('--drain-ms <ms>', 'drain', Number)
        configCommands(program, io, {
          compiler,
          sources: (command) => {
            const flags = command.optsWithGlobals<{ config?: string; drainMs?: number }>()
            return { file: flags.config, env, flags: { uplink: { drainMs: flags.drainMs } } }
          },
        })
      }),
  )
  return { code, ...text }
}

function throwing(error: unknown) {
  return (program: Command) => {
    program.command('fail').action(async () => {
      throw error
    })
  }
}

function configFile(t: TestContext, text: string): string {
  const path = join(temporaryDirectory(t), 'edge.yaml')
  writeFileSync(path, text)
  return path
}

test('usage errors say what is wrong, where help is, and end with 2', async () => {
  for (const [line, where, zh] of [
    ['nonsense', '', '没有命令 nonsense'],
    ['--nonsense', '', '没有选项 --nonsense'],
    ['config shwo', ' config', '没有命令 shwo；是否想输入 show'],
    ['version extra words', ' version', 'version 的参数过多'],
    ['--lang fr version', '', undefined],
    ['completion', ' completion', '缺少参数 shell'],
    ['completion ksh', ' completion', 'ksh、shell 无效；可选：bash, zsh, fish'],
    ['version --lang', '', '选项 --lang <lang> 缺少值'],
  ] as const) {
    const { code, out, err } = await run(line)
    assert.equal(code, 2, line)
    assert.equal(out, '', line)
    const form = new RegExp(`^error\\[invalid_argument\\]: .+\n {2}hint: yizhan-edge${where} --help\n$`)
    assert.match(err, form, line)
    if (zh === undefined) continue
    const chinese = await run(line, { lang: 'zh' })
    assert.equal(chinese.code, 2, line)
    assert.ok(chinese.err.includes(`（${zh}）`), chinese.err)
  }
  assert.match((await run('config shwo')).err, /Did you mean show/)
})

test('no command at all, or half of one, shows help on stderr and ends with 2', async () => {
  for (const line of ['', 'config']) {
    const { code, out, err } = await run(line)
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, /Usage: yizhan-edge/)
  }
})

test('help and version that were asked for go to stdout and end with 0', async () => {
  for (const line of ['--help', 'help', 'config --help', 'help config', '--version']) {
    const { code, out, err } = await run(line)
    assert.equal(code, 0, line)
    assert.match(out, /yizhan-edge|1\.2\.3/, line)
    assert.equal(err, '', line)
  }
})

test('an error prints code, problems, cause and next command, and its code decides the exit code', async () => {
  const cause = new YizhanError('unavailable', 'connection refused')
  const error = new YizhanError('config_invalid', 'two problems', {
    hint: 'yizhan-edge config check',
    details: {
      problems: [
        { path: 'a.b', message: 'must be >= 0', origin: 'env X' },
        { path: 'c', message: 'is required' },
      ],
    },
    cause,
  })
  const { code, out, err } = await run('fail', { define: throwing(error) })
  assert.equal(code, 2)
  assert.equal(out, '')
  assert.equal(
    err,
    'error[config_invalid]: two problems\n  - a.b: must be >= 0 (env X)\n  - c: is required\n' +
      '  cause: unavailable: connection refused\n  hint: yizhan-edge config check\n',
  )
  const exits = { unavailable: 4, permission_denied: 5, not_found: 1, invalid_argument: 2 } as const
  for (const [name, exit] of Object.entries(exits)) {
    const thrown = new YizhanError(name as keyof typeof exits, 'x')
    assert.equal((await run('fail', { define: throwing(thrown) })).code, exit)
  }
})

test('a foreign error is reported as internal, and a hostile message stays on its line', async () => {
  const { code, err } = await run('fail', { define: throwing(new TypeError('x\n\u001b]0;owned\u0007y')) })
  assert.equal(code, 1)
  assert.equal(err, 'error[internal]: x ]0;owned y\n')
})

test('with --json an error is one JSON object on stderr, wherever the flag stands', async () => {
  const define = throwing(new YizhanError('conflict', 'changed', { hint: 'again', details: { version: 3 } }))
  for (const line of ['fail --json', '--json fail']) {
    const { code, out, err } = await run(line, { define })
    assert.equal(code, 1)
    assert.equal(out, '')
    assert.deepEqual(JSON.parse(err), {
      error: { code: 'conflict', message: 'changed', hint: 'again', details: { version: 3 } },
    })
  }
})

test('a command sees --json both by its own option and by io', async () => {
  const seen: unknown[] = []
  const define = (program: Command, io: CliIo) => {
    program
      .command('list')
      .option('--json')
      .action((flags) => {
        seen.push(flags.json, io.wantsJson)
      })
  }
  for (const line of ['list --json', '--json list', 'list']) await run(line, { define })
  assert.deepEqual(seen, [true, true, true, true, undefined, false])
})

test('what is being done stands on the last line of a terminal, until something is said', async () => {
  const define = (program: Command, io: CliIo) => {
    program.command('work').action(() => {
      io.progress('half')
      io.progress('all')
      io.out('done')
      io.progress(undefined)
    })
  }
  const seen = await run('work', { tty: true, define })
  const erase = '\r\u001b[K'
  assert.equal(seen.err, `${erase}half${erase}all${erase}`)
  assert.equal(seen.out, 'done\n')
  const piped = await run('work', { define })
  assert.deepEqual([piped.out, piped.err], ['done\n', ''])
  const dumb = await run('work', { tty: true, env: { TERM: 'dumb' }, define })
  assert.equal(dumb.err, '')
})

test('errors are red on a terminal, and plain with NO_COLOR or into a pipe', async () => {
  const define = throwing(new YizhanError('internal', 'x'))
  assert.equal((await run('fail', { define, tty: true })).err, '\u001b[31merror[internal]\u001b[39m: x\n')
  for (const options of [{ tty: true, env: { NO_COLOR: '1' } }, { tty: false }]) {
    assert.ok(!(await run('fail', { define, ...options })).err.includes('\u001b'))
  }
})

test('Chinese is chosen by --lang, YIZHAN_LANG, the locale or the caller, in this order', async () => {
  const define = throwing(new YizhanError('not_found', 'no tenant acme', { hint: 'tenant list' }))
  const chinese = 'error[not_found]: 未找到（no tenant acme）\n  提示: tenant list\n'
  assert.equal((await run('fail --lang zh', { define })).err, chinese)
  assert.equal((await run('fail --lang=zh', { define, env: { LANG: 'en_US.UTF-8' } })).err, chinese)
  assert.equal((await run('fail', { define, env: { YIZHAN_LANG: 'zh', LANG: 'C' } })).err, chinese)
  assert.equal((await run('fail', { define, env: { LANG: 'zh_CN.UTF-8' } })).err, chinese)
  assert.equal((await run('fail', { define, lang: 'zh' })).err, chinese)
  assert.match((await run('fail --lang en', { define, env: { LANG: 'zh_CN.UTF-8' } })).err, /hint:/)
  assert.match((await run('fail', { define, env: { LANG: 'zhx' } })).err, /hint:/)
})

test('a command may end with 3 without an error', async () => {
  const define = (program: Command, io: CliIo) => void program.command('diff').action(() => io.setExitCode(3))
  assert.deepEqual(await run('diff', { define }), { code: 3, out: '', err: '' })
})

test('version prints a line, or with --json what it speaks', async () => {
  assert.equal((await run('version')).out, 'yizhan-edge 1.2.3\n')
  const { out } = await run('version --json')
  assert.deepEqual(JSON.parse(out), { name: 'yizhan-edge', version: '1.2.3', protocol: 1 })
})

test('config check lists every problem by path and shows no value', async (t) => {
  const path = configFile(t, 'uplink: {drainMs: -1, drain: x}\napiToken: [Zx9secret]\n')
  const { code, out, err } = await run(['config', 'check', '--config', path])
  assert.equal(code, 2)
  assert.equal(out, '')
  assert.ok(!err.includes('Zx9secret'))
  for (const line of [
    'uplink.drainMs: must be >= 0',
    'uplink.drain: is not a known',
    'apiToken: must be string',
  ]) {
    assert.ok(err.includes(`  - ${line}`), line)
  }
  assert.equal((await run(['config', 'check', '--config', configFile(t, 'uplink: {drainMs: 1}')])).code, 0)
})

test('config show hides secrets and says where each setting comes from', async (t) => {
  const path = configFile(t, 'apiToken: Zx9secret\n')
  const env = { YIZHAN_UPLINK__DRAIN_MS: '7' }
  const { out } = await run(['config', 'show', '--origin', '--config', path], { env })
  assert.equal(
    out,
    `uplink.drainMs = 7  # env YIZHAN_UPLINK__DRAIN_MS\napiToken = "[redacted]"  # file ${path}\n`,
  )
  assert.equal((await run('config show')).out, 'uplink.drainMs = 5\napiToken = null\n')
  const flagged = await run('config show --origin --json --drain-ms 9')
  assert.deepEqual(JSON.parse(flagged.out.split('\n')[0] ?? ''), {
    path: 'uplink.drainMs',
    value: 9,
    origin: 'flag',
  })
})

test('config schema prints a JSON Schema', async () => {
  const schema = JSON.parse((await run('config schema')).out)
  assert.equal(schema.properties.uplink.properties.drainMs.description, 'How long.')
  assert.equal(schema.properties.apiToken.writeOnly, true)
})

test('a table is aligned for wide letters, keeps controls out, and is one object a line with --json', async () => {
  const rows = [
    { id: 'bj-01', site: '北京', note: undefined },
    { id: 'x', site: 'Paris\u001b[2J', note: ['a'] },
  ]
  const define = (program: Command, io: CliIo) => void program.command('list').action(() => io.table(rows))
  assert.equal(
    (await run('list', { define })).out,
    'ID     SITE       NOTE\nbj-01  北京       -\nx      Paris [2J  ["a"]\n',
  )
  assert.deepEqual(
    (await run('list --json', { define })).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    JSON.parse(JSON.stringify(rows)),
  )
  const none = (program: Command, io: CliIo) => void program.command('list').action(() => io.table([]))
  assert.equal((await run('list', { define: none })).out, '')
})

test('a reader that closes the pipe does not crash the command', async () => {
  const listeners: ((error: Error) => void)[] = []
  const stdout = {
    write: () =>
      listeners.forEach((listener) => void listener(Object.assign(new Error('EPIPE'), { code: 'EPIPE' }))),
    on: (_: 'error', listener: (error: Error) => void) => listeners.push(listener),
  }
  const options = { name: 'x', version: '1', argv: ['version'], env: {}, stdout, stderr: stdout }
  assert.equal(await runCli(options, () => undefined), 0)
  assert.equal(listeners.length, 2)
})

test('a file that cannot be found is a config error with its name', async (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'a'))
  const { code, err } = await run(['config', 'check', '--config', join(directory, 'none.yaml')])
  assert.equal(code, 2)
  assert.match(err, /none\.yaml: cannot be read \(ENOENT\)/)
})
