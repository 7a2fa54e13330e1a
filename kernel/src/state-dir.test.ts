import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { YizhanError } from './errors.js'
import { createLogger, silentLogger } from './log.js'
import { openStateDir } from './state-dir.js'
import { ownTemporaryRoot, temporaryDirectory } from './testing/temporary-directory.js'

const log = silentLogger()
const taken = (thrown: unknown) => thrown instanceof YizhanError && thrown.code === 'failed_precondition'

/** A process that tries to open the directory, says `open` or the error's code, and stays. */
async function spawnOwner(t: TestContext, directory: string): Promise<{ child: ChildProcess; said: string }> {
  const [state, logs] = ['./state-dir.js', './log.js'].map((name) => new URL(name, import.meta.url).href)
  const script = `
    const { openStateDir } = await import(${JSON.stringify(state)})
    const { silentLogger } = await import(${JSON.stringify(logs)})
    setInterval(() => {}, 1e6)
    await openStateDir({ log: silentLogger() }, ${JSON.stringify(directory)})
      .then(() => console.log('open'), (thrown) => console.log(thrown.code ?? thrown.stack))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [said] = await once(createInterface(child.stdout), 'line')
  return { child, said: String(said) }
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

test('a second process is refused while the first lives, also while it is paused', async (t) => {
  const directory = temporaryDirectory(t)
  const { child, said } = await spawnOwner(t, directory)
  assert.equal(said, 'open')
  await assert.rejects(openStateDir({ log }, directory), taken)
  child.kill('SIGSTOP')
  await assert.rejects(openStateDir({ log }, directory), taken)
})

test('a killed owner leaves nothing in the way, however often', async (t) => {
  const directory = temporaryDirectory(t)
  for (let i = 0; i < 5; i++) {
    const { child, said } = await spawnOwner(t, directory)
    assert.equal(said, 'open')
    await kill(child)
  }
  const owner = await openStateDir({ log }, directory)
  // One name for the owner; those of the dead are gone.
  assert.equal(readdirSync(directory).length, 1)
  await owner.stop('test')
})

test('of processes that race for what a killed one left, exactly one wins, round after round', async (t) => {
  const directory = temporaryDirectory(t)
  for (let round = 0; round < 4; round++) {
    const owners = await Promise.all(Array.from({ length: 4 }, () => spawnOwner(t, directory)))
    const said = owners.map((owner) => owner.said).sort()
    assert.deepEqual(said, ['failed_precondition', 'failed_precondition', 'failed_precondition', 'open'])
    await Promise.all(owners.map(({ child }) => kill(child)))
  }
})

test('of many claims in one process exactly one wins, two hundred times over', async (t) => {
  const directory = temporaryDirectory(t)
  for (let round = 0; round < 200; round++) {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => openStateDir({ log }, directory)),
    )
    const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    assert.equal(winners.length, 1, `round ${round}`)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(taken(outcome.reason), outcome.reason)
    await winners[0]?.stop('round over')
  }
  assert.ok(readdirSync(directory).length <= 2, readdirSync(directory).join())
})

test('after stop another may have the directory, and stop may be called twice', async (t) => {
  const directory = temporaryDirectory(t)
  const first = await openStateDir({ log }, directory)
  await Promise.all([first.stop('one'), first.stop('two')])
  const second = await openStateDir({ log }, directory)
  await assert.rejects(openStateDir({ log }, directory), taken)
  await second.stop('test')
})

test('one directory under two names is one directory', async (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'real'), { mode: 0o700 })
  symlinkSync(join(directory, 'real'), join(directory, 'alias'))
  const owner = await openStateDir({ log }, join(directory, 'real'))
  await assert.rejects(openStateDir({ log }, join(directory, 'alias')), taken)
  await owner.stop('test')
})

test('a new directory is for its user only; one that is open to others is warned of', async (t) => {
  const directory = join(temporaryDirectory(t), 'a', 'b')
  const lines: string[] = []
  const warned = createLogger({
    name: 'x',
    level: 'warn',
    destination: { write: (line) => void lines.push(line) },
  })
  const owner = await openStateDir({ log: warned }, directory)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  assert.equal(owner.file('ca', 'root.pem'), join(directory, 'ca', 'root.pem'))
  await owner.stop('test')
  assert.deepEqual(lines, [])
  chmodSync(directory, 0o755)
  const again = await openStateDir({ log: warned }, directory)
  await again.stop('test')
  assert.match(lines[0] ?? '', /other users/)
})

test('a path that is a file, or below one, is a storage error that names it', async (t) => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'below')]) {
    await assert.rejects(openStateDir({ log }, path), (thrown) => {
      assert.ok(thrown instanceof YizhanError)
      assert.equal(thrown.code, 'storage_failed')
      assert.equal(thrown.details.path, path)
      return true
    })
  }
})

test('a directory with a very long path is locked all the same', async (t) => {
  ownTemporaryRoot(t, process.env)
  const directory = join(temporaryDirectory(t), 'x'.repeat(80), 'y'.repeat(80))
  const owner = await openStateDir({ log }, directory)
  await assert.rejects(openStateDir({ log }, directory), taken)
  await owner.stop('test')
})
