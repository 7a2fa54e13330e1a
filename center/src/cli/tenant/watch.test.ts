import assert from 'node:assert/strict'
import { cp, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type CliIo, runCli, systemClock, YizhanError } from '@yizhan/kernel'
import { directoryOf, VPN } from '../testing/directory.js'
import { watchDirectory } from './watch.js'

/** Watches a directory until the test ends it; `next` resolves when one more run has begun, and has the run's ending in its hand. */
async function watching(t: TestContext) {
  const dir = join(await directoryOf(t, { 'acme/intents/it.yaml': VPN }), 'acme')
  const begun: (() => void)[] = []
  const waiting: (() => void)[] = []
  const signals = new Map<string, () => void>()
  let err = ''
  let run = async (_signal: AbortSignal): Promise<void> => undefined
  const watched = async (io: CliIo) =>
    watchDirectory(
      {
        io,
        host: { onSignal: (signal, stop) => void signals.set(signal, stop) },
        clock: systemClock,
        run: async (signal) => {
          const done = run(signal)
          const wake = waiting.shift()
          if (wake) wake()
          else begun.push(() => undefined)
          await done
        },
      },
      dir,
    )
  const stderr = {
    write: (text: string) => {
      err += text
    },
  }
  const stdout = { write: () => assert.fail('nothing is data') }
  const options = { name: 'x', version: '0', argv: ['watch'], env: {}, stdout, stderr }
  const ended = runCli(options, (program, io) => {
    program.command('watch').action(() => watched(io))
  })
  t.after(() => signals.get('SIGINT')?.())
  return {
    dir,
    ended,
    told: () => err,
    end: () => signals.get('SIGINT')?.(),
    runs(does: (signal: AbortSignal) => Promise<void>) {
      run = does
    },
    next: () =>
      new Promise<void>((resolve) => {
        if (begun.shift()) resolve()
        else waiting.push(resolve)
      }),
  }
}

test('a run that fails is told and the watching goes on; a directory that is put in its place is watched too', async (t) => {
  const { dir, next, runs, told, end, ended } = await watching(t)
  await next()
  runs(async () => {
    throw new YizhanError('tests_failed', 'one of them')
  })
  await writeFile(join(dir, 'intents', 'it.yaml'), `${VPN}# 1\n`)
  await next()
  runs(async () => undefined)
  await rename(dir, `${dir}.old`)
  await next()
  assert.match(told(), /error\[tests_failed\]: one of them/)
  await cp(`${dir}.old`, dir, { recursive: true })
  await next()
  await writeFile(join(dir, 'intents', 'it.yaml'), `${VPN}# 2\n`)
  await next()
  end()
  assert.equal(await ended, 0)
})

test('Ctrl-C gives up the run that goes on, without a word, and ends with 0', async (t) => {
  const { dir, next, runs, told, end, ended } = await watching(t)
  await next()
  let reason: unknown
  runs(
    (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason
          reject(signal.reason)
        })
      }),
  )
  await writeFile(join(dir, 'intents', 'it.yaml'), `${VPN}# 1\n`)
  await next()
  end()
  assert.equal(await ended, 0)
  assert.ok(reason instanceof YizhanError && reason.code === 'cancelled')
  assert.doesNotMatch(told(), /error/)
})
