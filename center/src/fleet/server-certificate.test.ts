import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import type { ServerCertificate } from './certificate-authority.js'
import { isRenewalDue, openServerCertificate } from './server-certificate.js'

const DAY = 24 * 3_600_000
const names = { dnsNames: ['localhost'], ips: [], ttlMs: 30 * DAY }
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Certificates that are counted, not signed. */
function countingCa(clock: ManualClock) {
  const ca = {
    issued: 0,
    fails: false,
    certificatePem: 'the CA',
    async issueServer(): Promise<ServerCertificate> {
      if (ca.fails) throw new YizhanError('internal', 'no entropy')
      ca.issued += 1
      const [now, keyPem] = [clock.wall(), `key ${ca.issued}`]
      return {
        certificatePem: `certificate ${ca.issued}`,
        keyPem,
        notBefore: now - 60_000,
        notAfter: now + names.ttlMs,
      }
    },
  }
  return ca
}

async function start() {
  const clock = new ManualClock()
  const ca = countingCa(clock)
  const server = await openServerCertificate({ ca, clock, log: silentLogger() }, names)
  const advance = async (ms: number) => {
    clock.jumpWall(ms - 60_000)
    clock.advance(60_000)
    await settle()
  }
  return { clock, ca, server, advance }
}

test('a certificate is renewed once less than a third of its life remains, and listeners are told', async () => {
  const { server, advance } = await start()
  let told = 0
  const off = server.onChange(() => {
    told += 1
  })
  await advance(19 * DAY)
  assert.equal(server.current().cert, 'certificate 1')
  await advance(2 * DAY)
  assert.deepEqual(
    [server.current().cert, server.current().key, server.current().ca, told],
    ['certificate 2', 'key 2', 'the CA', 1],
  )
  off()
  await advance(21 * DAY)
  assert.deepEqual([server.current().cert, told], ['certificate 3', 1])
})

test('a renewal that fails is tried again', async () => {
  const { ca, server, advance } = await start()
  ca.fails = true
  await advance(25 * DAY)
  assert.equal(server.current().cert, 'certificate 1')
  ca.fails = false
  await advance(60_000)
  assert.equal(server.current().cert, 'certificate 2')
})

test('a clock set back to before the first day makes a certificate that is valid then', () => {
  const certificate = { notBefore: 100 * DAY, notAfter: 130 * DAY }
  assert.equal(isRenewalDue(certificate, 30 * DAY, 101 * DAY), false)
  assert.equal(isRenewalDue(certificate, 30 * DAY, 99 * DAY), true)
})

test('stop ends the renewals and leaves no timer', async () => {
  const { clock, server, advance } = await start()
  await server.stop('test')
  await server.stop('test')
  await server.done
  assert.equal(clock.pending, 0)
  await advance(29 * DAY)
  assert.equal(server.current().cert, 'certificate 1')
})
