import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import { parseJoinToken } from './join-token.js'

const secret = randomBytes(16).toString('base64url')
const pin = randomBytes(32).toString('base64url')

const refused: [string, string][] = [
  ['nothing', ''],
  ['another prefix', `yzj2.${secret}.${pin}`],
  ['a missing part', `yzj1.${secret}`],
  ['a part too many', `yzj1.${secret}.${pin}.x`],
  ['a newline at the end', `yzj1.${secret}.${pin}\n`],
  ['a secret of 120 bits', `yzj1.${randomBytes(15).toString('base64url')}.${pin}`],
  ['a secret that never ends', `yzj1.${randomBytes(65).toString('base64url')}.${pin}`],
  ['a pin that is cut short', `yzj1.${secret}.${pin.slice(0, -2)}`],
  ['standard base64 with padding', `yzj1.${secret}==.${pin}`],
  ['characters that base64url does not have', `yzj1.${secret.slice(0, -1)}+.${pin}`],
]
for (const [what, token] of refused) {
  test(`a join token with ${what} is refused without being quoted`, () => {
    assert.throws(
      () => parseJoinToken(token),
      (error) =>
        error instanceof YizhanError && error.code === 'invalid_argument' && !error.message.includes(secret),
    )
  })
}

test('a join token gives its secret and its pin', () => {
  const parsed = parseJoinToken(`yzj1.${secret}.${pin}`)
  assert.equal(parsed.secret, secret)
  assert.equal(parsed.caSpkiSha256.toString('base64url'), pin)
})
