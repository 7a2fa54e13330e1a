import { YizhanError } from '@yizhan/kernel'

const FORM = /^yzj1\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/

export interface JoinToken {
  /** 32 random bytes, base64url; what `Enroll` carries. */
  readonly secret: string
  /** SHA-256 of the CA's SubjectPublicKeyInfo, lower-case hex: the edge talks to no other. */
  readonly caSpkiSha256: string
}

/** `yzj1.<secret>.<pin>`, both 32 bytes in base64url without padding. */
export function formatJoinToken(token: JoinToken): string {
  return `yzj1.${token.secret}.${Buffer.from(token.caSpkiSha256, 'hex').toString('base64url')}`
}

/** Reads what `formatJoinToken` wrote, white space around it allowed. Throws `invalid_argument`, never quoting it. */
export function parseJoinToken(text: string): JoinToken {
  const [, secret = '', pin = ''] = FORM.exec(text.trim()) ?? []
  const caSpkiSha256 = Buffer.from(pin, 'base64url').toString('hex')
  if (!isJoinSecret(secret) || !isJoinSecret(pin)) {
    throw new YizhanError('invalid_argument', 'this is not a join token (yzj1.….…)', {
      hint: 'copy the whole line that the center printed',
    })
  }
  return { secret, caSpkiSha256 }
}

/** Whether it is 32 bytes in the one way that base64url writes them. */
export function isJoinSecret(text: string): boolean {
  return text.length === 43 && Buffer.from(text, 'base64url').toString('base64url') === text
}
