import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Command } from 'commander'
import { temporaryDirectory } from '../testing/temporary-directory.js'
import { completionScript } from './completion.js'

function program(): Command {
  const root = new Command('yizhan-edge').option('--json').option('--lang <lang>')
  root.command('serve').option('--state <dir>')
  const config = root.command('config')
  config.command('show').option('--origin')
  config.command('check')
  root.command('_hidden')
  return root
}

/** What a shell offers after `words`, the last of which is being typed. */
function offered(t: TestContext, shell: string, script: string, probe: string): string[] | undefined {
  try {
    execFileSync(shell, ['-c', 'exit 0'], { stdio: 'ignore' })
  } catch (thrown) {
    if (process.env.YIZHAN_TEST_REQUIRE === 'all') throw thrown
    t.diagnostic(`SKIPPED: ${shell} is not installed`)
    t.skip(`SKIPPED: ${shell} is not installed`)
    return undefined
  }
  const file = join(temporaryDirectory(t), 'completion')
  writeFileSync(file, script)
  const output = execFileSync(shell, ['-c', `source ${file}\n${probe}`], { encoding: 'utf8' })
  return output
    .split(/\s+/)
    .filter((word) => word !== '')
    .sort()
}

function inBash(t: TestContext, ...words: string[]): string[] | undefined {
  const list = words.map((word) => `'${word}'`).join(' ')
  const probe = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _yizhan_edge; echo "\${COMPREPLY[@]}"`
  return offered(t, 'bash', completionScript(program(), 'bash'), probe)
}

test('bash is offered the commands, then those below, then their options', (t) => {
  const first = inBash(t, 'yizhan-edge', '')
  if (!first) return
  assert.deepEqual(first, ['--help', '--json', '--lang', 'config', 'serve'])
  assert.deepEqual(inBash(t, 'yizhan-edge', 'con'), ['config'])
  assert.deepEqual(inBash(t, 'yizhan-edge', '--json', 'config', 'sh'), ['show'])
  assert.deepEqual(inBash(t, 'yizhan-edge', 'config', 'show', '--o'), ['--origin'])
  assert.deepEqual(inBash(t, 'yizhan-edge', 'serve', '--s'), ['--state'])
})

test('the scripts of zsh and fish name every command', () => {
  const zsh = completionScript(program(), 'zsh')
  assert.match(zsh, /^autoload -U \+X bashcompinit && bashcompinit$/m)
  const fish = completionScript(program(), 'fish')
  for (const path of ['serve', 'config', 'config show', 'config check']) {
    assert.ok(zsh.includes(`"${path}") words=`), path)
    assert.ok(fish.includes(`= "${path}"'`), path)
  }
  assert.ok(!fish.includes('_hidden'))
})
