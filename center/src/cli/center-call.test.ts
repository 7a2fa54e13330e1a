import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CliLanguage, runCli } from '@yizhan/kernel'
import { centerCall } from './center-call.js'

test('a center that does not run is told in the reader’s language, with how to start it, and ends with 4', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-call-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const told = async (lang: CliLanguage) => {
    let err = ''
    const stdout = { write: () => assert.fail('nothing is data') }
    const stderr = {
      write: (text: string) => {
        err += text
      },
    }
    const code = await runCli(
      { name: 'yizhan-center', version: '0', argv: ['ask'], env: {}, stdout, stderr, lang },
      (program, io) => {
        const call = centerCall(io, () => dir)
        program.command('ask').action(async (_options, command) => {
          await call(command, 'GET', '/v1/status')
        })
      },
    )
    assert.equal(code, 4)
    return err
  }
  assert.match(await told('en'), /no center runs on .*\n {2}hint: .*npm start/)
  assert.match(await told('zh'), /没有运行中的中心.*\n {2}提示: .*npm start/)
})
