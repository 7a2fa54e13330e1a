import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { systemClock, YizhanError } from '@yizhan/kernel'
import { createFeaturizer } from '../featurizer.js'
import { writeOnnx } from '../onnx/hashed-graph.js'
import { endlessOnnx, hugeOnnx, thievishOnnx } from '../testing/hostile-onnx.js'
import { smallModel } from '../testing/small-tenant.js'
import { CAGE_DEFAULTS, type CageConfig, openCage } from './cage.js'
import { decodeFromCage, encodeFromCage, FrameReader, framed } from './frames.js'
import { limitedCommand } from './limited-command.js'

const never = new AbortController().signal
const hashed = { kind: 'hashed' } as const
const clock = systemClock

async function open(t: TestContext, onnx: Uint8Array, config: Partial<CageConfig> = {}, signal = never) {
  const cage = await openCage({ clock }, { network: hashed, onnx }, { ...CAGE_DEFAULTS, ...config }, signal)
  t.after(() => cage.stop())
  return cage
}

const refusedFor = (why: string) => (error: unknown) =>
  error instanceof YizhanError && error.code === 'model_refused' && error.details.why === why

async function features(text: string) {
  return createFeaturizer((await smallModel()).featurizer).featurize(text)
}

test('a file that is no model is refused when it is opened', async (t) => {
  await assert.rejects(open(t, Buffer.from('<html>')), refusedFor('open-failed'))
  await assert.rejects(open(t, new Uint8Array()), refusedFor('open-failed'))
})

test('a model that loops for ever is killed after its deadline, and says nothing more', async (t) => {
  const cage = await open(t, endlessOnnx(await smallModel()), { runMs: 300 })
  await assert.rejects(cage.run([await features('vpn')], never), refusedFor('timeout'))
  assert.equal(cage.isOpen, false)
  await assert.rejects(cage.run([await features('vpn')], never), refusedFor('timeout'))
})

test('a model that burns the processor is ended by the kernel', async (t) => {
  const cage = await open(t, endlessOnnx(await smallModel()), { cpuSeconds: 2, runMs: 60_000 })
  await assert.rejects(cage.run([await features('vpn')], never), refusedFor('cpu'))
})

test('a model that wants more memory than it may have does not get it', async (t) => {
  const cage = await open(t, hugeOnnx(await smallModel(), 2))
  await assert.rejects(
    cage.run([await features('vpn')], never),
    (error) => error instanceof YizhanError && error.code === 'model_refused',
  )
  const wide = await open(t, hugeOnnx(await smallModel(), 0.1))
  assert.equal((await wide.run([await features('vpn')], never)).rows.length, 1)
})

test('a model that wants a file of this machine is refused', async (t) => {
  for (const path of ['/etc/hostname', 'etc/hostname', '../etc/hostname', '/dev/zero']) {
    await assert.rejects(open(t, thievishOnnx(await smallModel(), path)), refusedFor('open-failed'), path)
  }
})

test('whoever gives up ends the process, with the reason of the signal', async (t) => {
  const reason = new YizhanError('cancelled', 'no more')
  const controller = new AbortController()
  const cage = await open(t, endlessOnnx(await smallModel()))
  const asked = cage.run([await features('vpn')], controller.signal)
  controller.abort(reason)
  await assert.rejects(asked, (error) => error === reason)
  assert.equal(cage.isOpen, false)
  await assert.rejects(open(t, new Uint8Array(), {}, AbortSignal.abort(reason)), (error) => error === reason)
})

test('an honest model answers as it does outside, and its process is gone after stop', async (t) => {
  const model = await smallModel()
  const cage = await open(t, writeOnnx(model))
  const texts = [await features('how do I connect to the vpn'), await features('打印机卡纸')]
  const { rows, cpuMs } = await cage.run(texts, never)
  const best = rows.map((row) => model.labels[row.indexOf(Math.max(...row))])
  assert.deepEqual(best, ['it.vpn', 'it.printer'])
  assert.ok(cpuMs >= 0 && cage.isOpen)
  await cage.stop()
  assert.equal(cage.isOpen, false)
})

test('without prlimit the shell sets the limits, and without both nothing is run', async (t) => {
  const limits = { addressSpaceBytes: 1 << 30, cpuSeconds: 3 }
  const command = { program: '/bin/echo', args: ['a b', '$HOME'] }
  const dir = await mkdtemp(join(tmpdir(), 'yizhan-cage-'))
  t.after(() => rm(dir, { recursive: true }))
  await assert.rejects(
    limitedCommand(command, limits, [dir]),
    (error) => error instanceof YizhanError && error.code === 'unsupported',
  )
  await symlink('/bin/sh', join(dir, 'sh'))
  const { program, args } = await limitedCommand(command, limits, [dir])
  assert.equal(execFileSync(program, args, { encoding: 'utf8' }), 'a b $HOME\n')
  const shown = await limitedCommand(
    { program: '/bin/sh', args: ['-c', 'ulimit -v; ulimit -t; ulimit -f'] },
    limits,
    [dir],
  )
  assert.equal(execFileSync(shown.program, shown.args, { encoding: 'utf8' }), '1048576\n3\n0\n')
})

test('what a process writes is read as frames of ours or not at all', () => {
  const ran = encodeFromCage({ kind: 'ran', id: 7, cpuMs: 1.5, rows: [Float32Array.of(0.5, 0.25)] })
  assert.deepEqual(decodeFromCage(ran), {
    kind: 'ran',
    id: 7,
    cpuMs: 1.5,
    rows: [Float32Array.of(0.5, 0.25)],
  })
  for (let length = 0; length < ran.length; length++)
    assert.throws(() => decodeFromCage(ran.subarray(0, length)))
  const many = Buffer.from(ran)
  many.writeUInt32LE(0xffffffff, 9)
  assert.throws(() => decodeFromCage(many))
  assert.throws(() => decodeFromCage(Buffer.alloc(40, 9)))
  assert.throws(() => new FrameReader().push(Buffer.alloc(8, 0xff)))
  const reader = new FrameReader()
  const bytes = Buffer.concat([framed(ran), framed(ran)])
  const frames = [...bytes].flatMap((byte) => reader.push(Buffer.of(byte)))
  assert.deepEqual(frames, [ran, ran])
})
