import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { ACME, Installation, root } from '../support/installation.js'
import { available } from '../support/required.js'

const execute = promisify(execFile)
const SHOWN_MS = 40_000

/** A terminal of tmux's in which a command runs. */
async function tmux(t: TestContext, dir: string, command: string) {
  const run = (...args: string[]) =>
    execute('tmux', ['-S', join(dir, 'tmux.sock'), '-f', '/dev/null', ...args])
  await run('new-session', '-d', '-x', '72', '-y', '30', '-c', root, command)
  t.after(() => run('kill-server').catch(() => undefined))
  const screen = async () => (await run('capture-pane', '-p')).stdout.trimEnd()
  return {
    keys: (...keys: string[]) => run('send-keys', ...keys),
    type: (text: string) => run('send-keys', '-l', text),
    async paste(text: string) {
      await run('set-buffer', text)
      await run('paste-buffer', '-p')
    },
    resize: (columns: number) => run('resize-window', '-x', String(columns), '-y', '30'),
    /** Fails with what is there instead if it does not come. */
    async shows(what: RegExp): Promise<void> {
      const deadline = performance.now() + SHOWN_MS
      for (;;) {
        const text = await screen()
        if (what.test(text)) return
        if (performance.now() > deadline) assert.fail(`${what} is not on the screen:\n${text}`)
      }
    },
  }
}

test('npm run chat on a real terminal, in Chinese and in English', { timeout: 120_000 }, async (t) => {
  if (!available(t, 'tmux')) return
  const dir = await mkdtemp(join(tmpdir(), 'yz-chat-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const all = await Installation.start(t, { YIZHAN_INFERENCE__EXTRACTIVE__PACE_MS: '60' })
  await all.apply(ACME)
  const edge = await all.addEdge('branch', ['acme'], { YIZHAN_CHAT__SHOW_ROUTE: 'true' })
  const env = `TMPDIR=${dir} XDG_STATE_HOME=${dir} LC_ALL=C.UTF-8`
  const command = (lang: string) =>
    `env ${env} YIZHAN_LANG=${lang} npm run -s chat -- --mqtt ${edge.mqtt}; echo LEFT $?; cat`

  await t.test('a local answer, a streamed one, what is written meanwhile, a resize, the end', async (st) => {
    const terminal = await tmux(st, dir, command('zh'))
    await terminal.shows(/已连接 branch（acme）[\s\S]*›$/)
    await terminal.type('怎么连 VPN？')
    await terminal.keys('Enter')
    await terminal.shows(/› 怎么连 VPN？\n[\s\S]*安全接入[\s\S]*— 本地 · it\.vpn[^\n]*\n›$/)
    await terminal.type('出差住宿标准是多少？')
    await terminal.keys('Enter')
    await terminal.type('同时在写')
    // The answer is on its way, and the line that is being written stands below it, whole.
    await terminal.shows(/› 出差住宿标准是多少？\n[\s\S]+\n› 同时在写$/)
    await terminal.resize(50)
    await terminal.shows(/— 中心 · [^\n]*\n› 同时在写$/)
    await terminal.keys('C-u')
    await terminal.type('/why')
    await terminal.keys('Enter')
    await terminal.shows(/决定 交给中心[\s\S]*›$/)
    await terminal.keys('C-c')
    await terminal.shows(/LEFT 0$/)
  })

  await t.test(
    'the history of the session before, Ctrl-C stops an answer, a pasted text is one',
    async (st) => {
      const terminal = await tmux(st, await mkdtemp(join(dir, 'en-')), command('en'))
      await terminal.shows(/Connected to branch[\s\S]*›$/)
      await terminal.keys('Up', 'Up')
      await terminal.shows(/› 出差住宿标准是多少？$/)
      await terminal.keys('Enter')
      await terminal.shows(/› 出差住宿标准是多少？\n[^›]*北京/)
      await terminal.keys('C-c')
      await terminal.shows(/Ctrl-C again to leave[\s\S]*— /)
      await terminal.paste('one\ntwo\n')
      await terminal.shows(/› one\n {2}two$/)
      await terminal.keys('C-c')
      await terminal.shows(/\n›$/)
    },
  )

  const history = await readFile(join(dir, 'yizhan', 'chat-history'), 'utf8')
  assert.deepEqual(
    history.split('\n').filter((line) => line.startsWith('"/')),
    ['"/why"'],
  )
})
