import assert from 'node:assert/strict'
import { test } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { hashPassword, Passwords } from './passwords.js'

const bytes = (text: string) => Buffer.from(text)

test('a bad user list is refused by path and without its values', async () => {
  const scrypt = await hashPassword('geheim')
  const bad = [
    [{ tenant: 'Not A Tenant', user: 'li', scrypt }, 'mqtt.auth.users[0].tenant'],
    [{ tenant: 'acme', user: 'li ming', scrypt }, 'mqtt.auth.users[0].user'],
    [{ tenant: 'acme', user: 'li', scrypt: 'geheim' }, 'mqtt.auth.users[0].scrypt'],
  ] as const
  for (const [user, path] of bad) {
    assert.throws(
      () => new Passwords([user]),
      (thrown) =>
        thrown instanceof YizhanError &&
        thrown.code === 'config_invalid' &&
        thrown.message.startsWith(path) &&
        !thrown.message.includes('geheim'),
    )
  }
  const li = { tenant: 'acme', user: 'li', scrypt }
  assert.throws(() => new Passwords([li, li]), /users\[1\]/)
})

test('only the right password of a known user is let in, also the second time', async () => {
  const passwords = new Passwords([
    { tenant: 'acme', user: 'li', scrypt: await hashPassword('sesam') },
    { tenant: 'globex', user: 'li', scrypt: await hashPassword('other') },
  ])
  for (const round of [1, 2]) {
    assert.deepEqual(
      await passwords.verify('acme/li', bytes('sesam')),
      { verdict: 'known', tenant: 'acme', user: 'li' },
      `round ${round}`,
    )
    for (const [name, password] of [
      ['acme/li', 'other'],
      ['acme/wang', 'sesam'],
      ['globex/li', 'sesam'],
      ['acme/li', ''],
      ['__proto__', 'sesam'],
    ] as const) {
      assert.equal((await passwords.verify(name, bytes(password))).verdict, 'unknown', `${name} ${round}`)
    }
  }
  assert.equal((await passwords.verify(undefined, undefined)).verdict, 'unknown')
  assert.equal((await passwords.verify('acme/li', undefined)).verdict, 'unknown')
})

test('a flood of log-ins is told to come back, one that waits is still answered', async () => {
  const passwords = new Passwords([{ tenant: 'acme', user: 'li', scrypt: await hashPassword('sesam') }])
  const first = passwords.verify('acme/li', bytes('sesam'))
  const flood = Array.from({ length: 100 }, () => passwords.verify('acme/x', bytes('guess')))
  assert.equal((await passwords.verify('acme/li', bytes('sesam'))).verdict, 'busy')
  assert.equal((await first).verdict, 'known')
  const verdicts = (await Promise.all(flood)).map((v) => v.verdict)
  assert.equal(verdicts.filter((v) => v === 'busy').length, 37)
})
