import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { type ErrorCode, YizhanError } from '../errors.js'
import { adminSocketPath } from '../local-socket/index.js'
import { silentLogger } from '../log.js'
import { ownTemporaryRoot, temporaryDirectory } from '../testing/temporary-directory.js'
import { adminCall, startAdminServer } from './index.js'

const log = silentLogger()

function routes(app: FastifyInstance): void {
  app.get('/status', async () => ({ ok: true }))
  app.post('/echo', async (request) => request.body)
  app.get('/text', async () => 'plain')
  app.delete('/nothing', async (_, reply) => reply.code(204).send())
  app.get('/refuse', async () => {
    throw new YizhanError('conflict', 'version 3 expected', {
      hint: 'read it again',
      details: { version: 3 },
    })
  })
}

async function start(t: TestContext, socketPath: string) {
  const server = await startAdminServer({ log }, { socketPath, routes })
  t.after(() => server.stop('test over'))
  return server
}

function failsWith(code: ErrorCode, message?: RegExp) {
  return (thrown: unknown) => {
    assert.ok(thrown instanceof YizhanError, String(thrown))
    assert.equal(thrown.code, code)
    if (message) assert.match(thrown.message, message)
    return true
  }
}

test('nobody listening is unavailable, with how to start; a socket left by a dead process too', async (t) => {
  const directory = temporaryDirectory(t)
  const socketPath = adminSocketPath(directory)
  const unavailable = (thrown: unknown) =>
    failsWith('unavailable')(thrown) && thrown instanceof YizhanError && /npm start/.test(thrown.hint ?? '')
  await assert.rejects(adminCall(socketPath, 'GET', '/status'), unavailable)
  await leaveDeadSocket(socketPath)
  await assert.rejects(adminCall(socketPath, 'GET', '/status'), unavailable)
})

test('an answer that is larger than its reader takes is refused', async (t) => {
  const socketPath = adminSocketPath(temporaryDirectory(t))
  await start(t, socketPath)
  const ask = (maxAnswerBytes: number) =>
    adminCall(socketPath, 'POST', '/echo', { text: 'x'.repeat(100) }, { maxAnswerBytes })
  await assert.rejects(ask(100), failsWith('too_large'))
  assert.deepEqual(await ask(200), { text: 'x'.repeat(100) })
})

test('a second server on the same state directory is refused, and the first goes on', async (t) => {
  const socketPath = adminSocketPath(temporaryDirectory(t))
  await start(t, socketPath)
  await assert.rejects(start(t, socketPath), failsWith('failed_precondition', /already running/))
  assert.deepEqual(await adminCall(socketPath, 'GET', '/status'), { ok: true })
})

test('of many that start at once exactly one serves', async (t) => {
  const socketPath = adminSocketPath(temporaryDirectory(t))
  await leaveDeadSocket(socketPath)
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => start(t, socketPath)))
  assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1)
  assert.deepEqual(await adminCall(socketPath, 'GET', '/status'), { ok: true })
})

test('a socket on which another program answers is left alone', async (t) => {
  const socketPath = adminSocketPath(temporaryDirectory(t))
  const other = createServer((socket) => socket.on('error', () => undefined).end('other'))
  other.listen(socketPath)
  await once(other, 'listening')
  t.after(() => other.close())
  await assert.rejects(start(t, socketPath), failsWith('failed_precondition', /already running/))
  assert.ok(existsSync(socketPath))
})

test('a socket that a dead process left is replaced', async (t) => {
  const socketPath = adminSocketPath(temporaryDirectory(t))
  await leaveDeadSocket(socketPath)
  await start(t, socketPath)
  assert.deepEqual(await adminCall(socketPath, 'GET', '/status'), { ok: true })
})

test('the socket is for its owner only, even in a directory that is open to others', async (t) => {
  const directory = temporaryDirectory(t)
  chmodSync(directory, 0o777)
  const socketPath = adminSocketPath(directory)
  await start(t, socketPath)
  assert.equal(statSync(socketPath).mode & 0o777, 0o600)
})

test('a long state directory gets a short hashed name in a directory that only its user may enter', async (t) => {
  ownTemporaryRoot(t, process.env)
  const directory = join(temporaryDirectory(t), 'x'.repeat(60), 'y'.repeat(60))
  const socketPath = adminSocketPath(directory)
  assert.ok(Buffer.byteLength(socketPath) <= 100)
  assert.notEqual(socketPath, adminSocketPath(`${directory}2`))
  await start(t, socketPath)
  assert.equal(statSync(dirname(socketPath)).mode & 0o777, 0o700)
  assert.deepEqual(await adminCall(socketPath, 'GET', '/status'), { ok: true })
})

test('commands, bodies, texts, empty answers and errors pass through', async (t) => {
  const socketPath = adminSocketPath(temporaryDirectory(t))
  await start(t, socketPath)
  assert.deepEqual(await adminCall(socketPath, 'POST', '/echo', { a: ['驿站'] }), { a: ['驿站'] })
  assert.equal(await adminCall(socketPath, 'GET', '/text'), 'plain')
  assert.equal(await adminCall(socketPath, 'DELETE', '/nothing'), undefined)
  await assert.rejects(adminCall(socketPath, 'GET', '/refuse'), (thrown) => {
    assert.ok(failsWith('conflict', /version 3 expected/)(thrown) && thrown instanceof YizhanError)
    assert.equal(thrown.hint, 'read it again')
    assert.deepEqual(thrown.details, { version: 3 })
    return true
  })
  await assert.rejects(adminCall(socketPath, 'GET', '/none'), failsWith('not_found'))
  await assert.rejects(adminCall(socketPath, 'GET', '/a b\n'), failsWith('invalid_argument'))
})

test('a call that is not answered ends at its deadline or when the caller gives up', async (t) => {
  const socketPath = join(temporaryDirectory(t), 'mute.sock')
  const mute = createServer(() => undefined)
  mute.listen(socketPath)
  await once(mute, 'listening')
  t.after(() => mute.close())
  await assert.rejects(
    adminCall(socketPath, 'GET', '/x', undefined, { timeoutMs: 1 }),
    failsWith('deadline_exceeded'),
  )
  const abort = new AbortController()
  const call = adminCall(socketPath, 'GET', '/x', undefined, { signal: abort.signal })
  abort.abort()
  await assert.rejects(call, failsWith('cancelled'))
})

test('a peer that is not HTTP, or cuts its answer short, is an error and no crash', async (t) => {
  for (const noise of ['\0\0\0', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', '']) {
    const socketPath = join(temporaryDirectory(t), 'noise.sock')
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(noise)
    })
    server.listen(socketPath)
    await once(server, 'listening')
    t.after(() => server.close())
    await assert.rejects(adminCall(socketPath, 'GET', '/x'), failsWith('unavailable'))
  }
})

test('stop answers what is under way, takes the socket away, and may be called twice', async (t) => {
  const socketPath = adminSocketPath(temporaryDirectory(t))
  let arrived = () => {}
  let release = () => {}
  const here = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const server = await startAdminServer(
    { log },
    {
      socketPath,
      routes: (app) => {
        app.get('/slow', async () => {
          arrived()
          await held
          return { late: true }
        })
      },
    },
  )
  const call = adminCall(socketPath, 'GET', '/slow')
  await here
  const stopping = Promise.all([server.stop('one'), server.stop('two')])
  await assert.rejects(adminCall(socketPath, 'GET', '/slow'), failsWith('unavailable'))
  release()
  assert.deepEqual(await call, { late: true })
  await stopping
  await server.done
  assert.equal(existsSync(socketPath), false)
})

test('a failing route registration leaves no socket behind', async (t) => {
  const directory = temporaryDirectory(t)
  const socketPath = adminSocketPath(directory)
  const broken = () => {
    throw new YizhanError('internal', 'no such route')
  }
  await assert.rejects(startAdminServer({ log }, { socketPath, routes: broken }), failsWith('internal'))
  assert.deepEqual(readdirSync(directory), [])
  await start(t, socketPath)
})

test('a directory under the temporary one that is a link or open to others is not used', async (t) => {
  const elsewhere = temporaryDirectory(t)
  const script = `
    import { prepareSocketDirectory, shortSocketPath } from ${JSON.stringify(new URL('../local-socket/index.js', import.meta.url).href)}
    try { prepareSocketDirectory(shortSocketPath('/' + 'x'.repeat(200), 'lock')); console.log('used') }
    catch (thrown) { console.log(thrown.code) }`
  const run = async (tmp: string) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { TMPDIR: tmp } })
    const [output] = await once(child.stdout, 'data')
    return String(output).trim()
  }
  const name = `yizhan-${process.getuid?.()}`
  const [linked, open, fresh] = [join(elsewhere, 'linked'), join(elsewhere, 'open'), join(elsewhere, 'fresh')]
  for (const directory of [linked, open, fresh]) mkdirSync(directory)
  mkdirSync(join(elsewhere, 'target'), { mode: 0o700 })
  symlinkSync(join(elsewhere, 'target'), join(linked, name))
  mkdirSync(join(open, name))
  chmodSync(join(open, name), 0o755)
  assert.equal(await run(linked), 'permission_denied')
  assert.equal(await run(open), 'permission_denied')
  assert.equal(await run(fresh), 'used')
})

/** A socket file on which nobody listens, as a killed process leaves it. */
async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', script])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.ok(existsSync(path))
}
