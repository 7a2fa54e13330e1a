import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandResultSchema, create } from '@yizhan/proto'
import { identityDigest } from './blind-index.js'
import { certify, checkCertificate } from './certificate.js'
import type { Erasure } from './erasure-record.js'
import type { PrivacySource } from './port.js'
import { acme, anna, by, DAY, edge, globex, never, refused, type Stand, stand } from './testing/stand.js'

const beijing = edge('beijing-1')

async function annaWithData(s: Stand): Promise<string> {
  const { subjects } = s.parts
  const subject = await subjects.resolve(acme, anna, { name: 'Anna Schmidt' }, by)
  await s.write(subject, 'turns', 't1', 'my salary is too low')
  await s.write(subject, 'turns', 't2', 'and my back hurts')
  await s.write(subject, 'samples', 's1', 'back hurts', s.clock.wall() + DAY)
  return subject
}

async function erased(s: Stand, subject: string): Promise<Erasure> {
  const outcome = await s.parts.erasures.erase(acme, subject, by, never)
  assert.equal(outcome.s, 'erasing')
  assert.ok('erasure' in outcome)
  return outcome.erasure
}

const textOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('utf8')

function answer(commandId: string, detail = '{"turns":2}') {
  return create(CommandResultSchema, { commandId, outcome: { case: 'done', value: { detail } } })
}

function certificate(s: Stand, erasure: Erasure) {
  const checked = checkCertificate(certify(acme, erasure, s.signer), s.signer.publicKeys)
  assert.equal(checked.s, 'valid')
  assert.ok('certificate' in checked)
  return checked.certificate
}

test('an id that nobody ever had is unknown, in the right tenant as in a foreign one', async (t) => {
  const s = await stand(t)
  const subject = await annaWithData(s)
  assert.deepEqual(await s.parts.erasures.erase(acme, 'sub_0', by, never), { s: 'unknown' })
  assert.deepEqual(await s.parts.erasures.erase(globex, subject, by, never), { s: 'unknown' })
  assert.ok(await s.parts.subjects.get(acme, subject))
})

test('an erasure takes the key and the records, empties the audit, and certifies it', async (t) => {
  const s = await stand(t)
  const subject = await annaWithData(s)
  const bystander = await s.parts.subjects.resolve(acme, { ...anna, sender: 'ben' }, {}, by)
  await s.write(bystander, 'turns', 't3', 'good morning')
  s.clock.advance(2 * DAY)
  const erasure = await erased(s, subject)

  assert.equal(erasure.state, 'closed')
  assert.equal(s.parts.keys.erasedAt(acme, subject), s.clock.wall())
  assert.deepEqual(erasure.records, { 'subject-accounts': 1, subjects: 1, turns: 2, samples: 1 })
  assert.deepEqual((await s.parts.store.places(acme, { subject })).places, [])
  assert.equal(await s.parts.subjects.find(acme, anna), undefined)
  assert.equal(await s.parts.store.get(acme, 'turns', 't1'), undefined)
  assert.ok(await s.parts.store.get(acme, 'turns', 't3'))
  assert.deepEqual(s.compacted, [acme])
  assert.deepEqual(
    (await s.logged()).map((entry) => [entry.tenant, entry.subject, entry.erasureId]),
    [[acme, subject, erasure.id]],
  )

  // The chain is read through: a gap or a changed entry would throw.
  const entries = await s.audit()
  const own = entries.filter((entry) => entry.subject === subject)
  assert.equal(own.length, 4)
  for (const entry of own) {
    assert.equal(entry.erased, true)
    assert.equal(entry.after, undefined)
  }
  const shown = JSON.stringify(entries.map((entry) => ({ ...entry, after: textOf(entry.after) })))
  assert.doesNotMatch(shown, /Anna|anna|salary|back hurts/)
  assert.match(shown, /good morning/)

  const { places, state, subject: whose } = certificate(s, erasure)
  assert.deepEqual([state, whose], ['closed', subject])
  assert.deepEqual(
    places.map(({ place, what, state: now, count }) => [place, what, now, count]),
    [
      ['key store', 'the person’s keys', 'done', 1],
      ['store', 'samples', 'done', 1],
      ['store', 'subject-accounts', 'done', 1],
      ['store', 'subjects', 'done', 1],
      ['store', 'turns', 'done', 2],
      ['audit', 'entries with ids only; snapshots are emptied with the key', 'restricted', undefined],
    ],
  )
})

test('the salt and the digests go once no edge needs them', async (t) => {
  const s = await stand(t)
  s.fleet.set('beijing-1')
  const open = await erased(s, await annaWithData(s))
  assert.equal(open.state, 'waiting')
  assert.ok(open.salt)
  assert.equal(open.identities.length, 1)
  await s.parts.commands.answer(beijing, answer(open.edges[0]?.command ?? ''))
  await s.parts.erasures.resume(never)
  const closed = await s.parts.erasures.get(acme, open.id)
  assert.equal(closed?.state, 'closed')
  assert.equal(closed?.salt, undefined)
  assert.deepEqual(closed?.identities, [])
})

test('erasing twice gives the same erasure and the same certificate', async (t) => {
  const s = await stand(t)
  const subject = await annaWithData(s)
  const first = await erased(s, subject)
  const auditBefore = (await s.audit()).length
  s.clock.advance(DAY)
  const second = await erased(s, subject)
  assert.deepEqual(certify(acme, second, s.signer), certify(acme, first, s.signer))
  assert.equal((await s.logged()).length, 1)
  assert.equal((await s.audit()).length, auditBefore)
})

test('two who erase at once get one erasure', async (t) => {
  const s = await stand(t)
  const subject = await annaWithData(s)
  const open = await erased(s, subject)
  const [a, b] = await Promise.all([erased(s, subject), erased(s, subject)])
  assert.deepEqual([a.id, b.id], [open.id, open.id])
})

test('the person who comes back after an erasure is somebody new', async (t) => {
  const s = await stand(t)
  const before = await annaWithData(s)
  await erased(s, before)
  const after = await s.parts.subjects.resolve(acme, anna, { name: 'Anna Schmidt' }, by)
  assert.notEqual(after, before)
  await s.write(after, 'turns', 't9', 'hello again')
  await erased(s, before)
  assert.ok(await s.parts.store.get(acme, 'turns', 't9'), 'the old erasure does not reach the new data')
})

test('a legal hold refuses an erasure before anything is destroyed, and the audit says so', async (t) => {
  const s = await stand(t)
  const subject = await annaWithData(s)
  const hold = await s.parts.holds.set(acme, { subject, reason: 'file 12/2026' }, by)
  const outcome = await s.parts.erasures.erase(acme, subject, by, never)
  assert.ok(outcome.s === 'held')
  assert.equal(outcome.hold, hold.id)
  assert.equal(s.parts.keys.erasedAt(acme, subject), undefined)
  assert.ok(await s.parts.store.get(acme, 'turns', 't1'))
  assert.deepEqual(await s.logged(), [])
  const entry = (await s.audit()).at(-1)
  assert.match(textOf(entry?.after), new RegExp(`"hold":"${hold.id}"`))

  await s.parts.holds.release(acme, hold.id, by)
  const erasure = await erased(s, subject)
  assert.equal(erasure.state, 'closed')
  assert.equal(erasure.id, outcome.erasure.id)
})

test('a hold that came while an erasure was broken off stops it', async (t) => {
  const s = await stand(t, {
    fail(step) {
      if (step === 'log') throw new Error('power cut')
    },
  })
  const subject = await annaWithData(s)
  await assert.rejects(s.parts.erasures.erase(acme, subject, by, never), /power cut/)
  await s.parts.holds.set(acme, { subject, reason: 'file 12/2026' }, by)
  assert.deepEqual(await s.parts.erasures.resume(never), { open: 0, failed: 0 })
  assert.equal((await s.parts.erasures.list(acme)).erasures[0]?.state, 'held')
  assert.equal(s.parts.keys.erasedAt(acme, subject), undefined)
})

test('a hold of the whole tenant covers everybody, until its time', async (t) => {
  const s = await stand(t)
  const subject = await annaWithData(s)
  await s.parts.holds.set(acme, { reason: 'court order', until: s.clock.wall() + DAY }, by)
  assert.equal((await s.parts.erasures.erase(acme, subject, by, never)).s, 'held')
  s.clock.advance(DAY)
  assert.equal((await erased(s, subject)).state, 'closed')
})

test('two ids of one person go together, whichever is named', async (t) => {
  const s = await stand(t)
  const { subjects } = s.parts
  const one = await annaWithData(s)
  const other = await subjects.resolve(acme, { channel: 'feishu', sender: 'ou_77' }, {}, by)
  await s.write(other, 'turns', 't7', 'from my phone')
  await subjects.link(acme, one, other, by)
  assert.equal(await subjects.find(acme, { channel: 'feishu', sender: 'ou_77' }), one)
  const erasure = await erased(s, other)
  assert.deepEqual(erasure.subjects, [one, other])
  assert.equal(await s.parts.store.get(acme, 'turns', 't7'), undefined)
  assert.equal(await s.parts.store.get(acme, 'turns', 't1'), undefined)
  assert.equal((await s.logged()).length, 2)
})

test('an account that was linked while an erasure was broken off goes too', async (t) => {
  let broken = true
  const s = await stand(t, {
    fail(step) {
      if (broken && step === 'log') throw new Error('power cut')
    },
  })
  const subject = await annaWithData(s)
  await assert.rejects(s.parts.erasures.erase(acme, subject, by, never), /power cut/)
  const phone = { channel: 'feishu', sender: 'ou_77' }
  const other = await s.parts.subjects.resolve(acme, phone, {}, by)
  await s.parts.subjects.link(acme, subject, other, by)
  broken = false
  await s.parts.erasures.resume(never)
  assert.notEqual(s.parts.keys.erasedAt(acme, other), undefined)
  assert.equal(await s.parts.subjects.find(acme, phone), undefined)
})

test('an edge is told by digests and no name, and the certificate waits for its answer', async (t) => {
  const s = await stand(t)
  s.fleet.set('beijing-1')
  s.fleet.set('wuhan-1', {}, [globex])
  const open = await erased(s, await annaWithData(s))
  const [command, ...more] = s.parts.commands.waiting(beijing)
  assert.deepEqual([more, s.parts.commands.waiting(edge('wuhan-1'))], [[], []])
  assert.ok(command?.command.case === 'erase')
  const { tenantId, erasureId, salt, identityDigests } = command.command.value
  assert.deepEqual([tenantId, erasureId], ['acme', open.id])
  assert.deepEqual(identityDigests, [identityDigest(salt, acme, anna)])
  const pending = certificate(s, open)
  assert.equal(pending.state, 'open')
  assert.equal(pending.places.find(({ place }) => place === 'edge beijing-1')?.state, 'pending')

  await s.parts.commands.answer(beijing, answer(command.commandId))
  await s.parts.erasures.resume(never)
  const closed = await s.parts.erasures.get(acme, open.id)
  assert.ok(closed)
  const issued = certificate(s, closed)
  assert.equal(issued.state, 'closed')
  assert.ok(issued.revision > pending.revision)
  const place = issued.places.find(({ place: name }) => name === 'edge beijing-1')
  assert.deepEqual([place?.state, place?.note], ['done', '{"turns":2}'])
})

test('an edge that failed is asked again with a new command', async (t) => {
  const s = await stand(t)
  s.fleet.set('beijing-1')
  const open = await erased(s, await annaWithData(s))
  const first = open.edges[0]?.command ?? ''
  const failure = { code: 'disk_full', message: 'no room', retryable: true }
  await s.parts.commands.answer(
    beijing,
    create(CommandResultSchema, { commandId: first, outcome: { case: 'failed', value: failure } }),
  )
  await s.parts.erasures.resume(never)
  const [again] = s.parts.commands.waiting(beijing)
  assert.ok(again)
  assert.notEqual(again.commandId, first)
  const asked = await s.parts.erasures.get(acme, open.id)
  assert.equal(asked?.edges[0]?.detail, 'disk_full: no room')
  assert.equal(asked?.edges[0]?.state, 'pending')
})

test('an edge that never returns closes by its lease, and not while it is linked', async (t) => {
  const s = await stand(t, { leaseMs: 30 * DAY })
  s.fleet.set('beijing-1', { linked: true })
  s.fleet.set('wuhan-1')
  const open = await erased(s, await annaWithData(s))
  s.clock.advance(30 * DAY)
  await s.parts.erasures.resume(never)
  assert.equal(
    (await s.parts.erasures.get(acme, open.id))?.edges[1]?.state,
    'pending',
    'not before the grace',
  )
  s.clock.advance(3 * 3_600_000)
  await s.parts.erasures.resume(never)
  const states = (await s.parts.erasures.get(acme, open.id))?.edges.map(({ state }) => state)
  assert.deepEqual(states, ['pending', 'closed-by-lease'])
  assert.deepEqual(s.parts.commands.waiting(edge('wuhan-1')), [])

  s.fleet.set('beijing-1', { linked: false, lastSeenAt: s.clock.wall() })
  s.clock.advance(29 * DAY)
  await s.parts.erasures.resume(never)
  assert.equal((await s.parts.erasures.get(acme, open.id))?.state, 'waiting')
  s.clock.advance(2 * DAY)
  await s.parts.erasures.resume(never)
  const closed = await s.parts.erasures.get(acme, open.id)
  assert.equal(closed?.state, 'closed')
  assert.ok(closed)
  assert.match(JSON.stringify(certificate(s, closed)), /closed-by-lease/)
})

test('a contact while the link lived counts after a restart that forgot it', async (t) => {
  const s = await stand(t, { leaseMs: 30 * DAY })
  s.fleet.set('beijing-1', { linked: true })
  const open = await erased(s, await annaWithData(s))
  s.clock.advance(25 * DAY)
  await s.parts.erasures.resume(never)
  // The registry comes back with what it had written down last.
  s.fleet.set('beijing-1', { linked: false, lastSeenAt: open.requestedAt })
  await s.restart()
  s.clock.advance(10 * DAY)
  await s.parts.erasures.resume(never)
  assert.equal((await s.parts.erasures.get(acme, open.id))?.edges[0]?.state, 'pending')
})

test('what is derived is asked after the records are gone, and until it is gone too', async (t) => {
  const asked: string[] = []
  let trained = false
  const models: PrivacySource = {
    dataClass: 'models',
    async *collect() {},
    async erase(_tenant, subject) {
      asked.push(subject)
      return trained ? { erased: 1 } : { erased: 0, pending: { why: 'retrained at the next publish' } }
    },
  }
  const buffers: PrivacySource = {
    dataClass: 'resume-buffers',
    async *collect() {},
    async erase() {
      return { erased: 0, pending: { why: 'kept in memory', until: s.clock.wall() + 600_000 } }
    },
  }
  const s = await stand(t, { sources: [models, buffers] })
  const open = await erased(s, await annaWithData(s))
  assert.deepEqual(
    open.places.map(({ dataClass, state }) => [dataClass, state]),
    [
      ['models', 'pending'],
      ['resume-buffers', 'pending'],
    ],
  )
  s.clock.advance(600_000)
  await s.parts.erasures.resume(never)
  assert.equal((await s.parts.erasures.get(acme, open.id))?.places[1]?.state, 'done')
  trained = true
  await s.parts.erasures.resume(never)
  assert.equal((await s.parts.erasures.get(acme, open.id))?.state, 'closed')
  assert.ok(asked.length >= 3)
})

test('a certificate that was altered, of an unknown key or no certificate at all is found out', async (t) => {
  const s = await stand(t)
  const other = await stand(t)
  const signed = certify(acme, await erased(s, await annaWithData(s)), s.signer)
  const payload = signed.payload.replace('"closed"', '"open"')
  assert.notEqual(payload, signed.payload)
  assert.deepEqual(checkCertificate({ ...signed, payload }, s.signer.publicKeys), { s: 'altered' })
  assert.deepEqual(checkCertificate(signed, other.signer.publicKeys), {
    s: 'unknown-key',
    keyId: signed.keyId,
  })
  for (const value of [undefined, {}, [], 'x', { ...signed, payload: 5 }]) {
    assert.deepEqual(checkCertificate(value, s.signer.publicKeys), { s: 'malformed' })
  }
})

test('the horizon of older copies is stated', async (t) => {
  const s = await stand(t, { backupHorizonMs: 90 * DAY })
  const { horizon } = certificate(s, await erased(s, await annaWithData(s)))
  assert.equal(horizon.until, new Date(s.clock.wall() + 90 * DAY).toISOString())
})

for (const step of ['log', 'key', 'records', 'compact', 'source'] as const) {
  test(`an erasure that breaks off at the ${step} goes on at the next start`, async (t) => {
    let broken = true
    const fail = (at: string) => {
      if (broken && at === step) throw new Error('power cut')
    }
    const source: PrivacySource = {
      dataClass: 'search',
      async *collect() {},
      async erase() {
        fail('source')
        return { erased: 1 }
      },
    }
    const s = await stand(t, { sources: [source], fail })
    s.fleet.set('beijing-1')
    const subject = await annaWithData(s)
    await assert.rejects(s.parts.erasures.erase(acme, subject, by, never), /power cut/)
    broken = false
    await s.restart()
    assert.deepEqual(await s.parts.erasures.resume(never), { open: 1, failed: 0 })
    const [erasure, ...more] = (await s.parts.erasures.list(acme)).erasures
    assert.deepEqual(more, [])
    assert.equal(erasure?.state, 'waiting')
    assert.deepEqual(erasure?.records, { 'subject-accounts': 1, subjects: 1, turns: 2, samples: 1 })
    assert.deepEqual((await s.parts.store.places(acme, { subject })).places, [])
    assert.notEqual(s.parts.keys.erasedAt(acme, subject), undefined)
    assert.equal((await s.logged()).length, 1)
    assert.equal(s.parts.commands.waiting(beijing).length, 1)
    await assert.rejects(s.write(subject, 'turns', 't9', 'late'), refused('erased'))
  })
}
