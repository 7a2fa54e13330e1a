import { YizhanError } from '@yizhan/kernel'

/** What a join token carries: who may join, and which center to believe. */
export interface JoinToken {
  /** Proves the right to enrol; base64url, at least 128 bits. Sent to the pinned center only. */
  readonly secret: string
  /** SHA-256 of the CA certificate's SubjectPublicKeyInfo, 32 bytes. */
  readonly caSpkiSha256: Buffer
}

const PREFIX = 'yzj1'
const MIN_SECRET_BYTES = 16
const MAX_SECRET_BYTES = 64
const SHA256_BYTES = 32

/**
 * Takes `yzj1.<secret>.<SHA-256 of the CA's SPKI>` apart (both base64url without padding, in their one canonical
 * form). Throws `invalid_argument` without quoting the token.
 */
export function parseJoinToken(token: string): JoinToken {
  const [prefix, secret, pin, ...rest] = token.split('.')
  if (prefix !== PREFIX || secret === undefined || pin === undefined || rest.length > 0) {
    throw refuse(`it is not of the form ${PREFIX}.<secret>.<pin>`)
  }
  const secretBytes = fromBase64Url(secret)
  if (!secretBytes || secretBytes.length < MIN_SECRET_BYTES || secretBytes.length > MAX_SECRET_BYTES) {
    throw refuse('its secret is damaged')
  }
  const caSpkiSha256 = fromBase64Url(pin)
  if (caSpkiSha256?.length !== SHA256_BYTES) throw refuse('its pin is damaged')
  return { secret, caSpkiSha256 }
}

/** Node decodes base64url leniently; only what encodes back to the same text is one. */
function fromBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

function refuse(why: string): YizhanError {
  return new YizhanError('invalid_argument', `the join token cannot be used: ${why}`, {
    hint: 'copy the whole token as the center printed it, or make a new one',
  })
}
