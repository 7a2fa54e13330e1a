import { YizhanError } from '../errors.js'
import { type WrappingKey, wrappingKey } from './key-wrap.js'

const LINE = /^([1-9]\d{0,8}) ([A-Za-z0-9+/]{43}=)$/
const SECRET_BYTES = 32
const MAX_CHARS = 64 * 1024

/**
 * The keys in lines of `epoch base64(32 bytes)`; blank lines and `#` comments are allowed. `source` names in errors
 * where the lines come from. Throws `config_invalid` with the number of the bad line, never with its text.
 */
export function parseKekLines(text: string, source: string): Map<number, WrappingKey> {
  if (text.length > MAX_CHARS) throw refused(source, 'is larger than 64 KiB')
  const keys = new Map<number, WrappingKey>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, epoch, encoded] = LINE.exec(line) ?? []
    if (epoch === undefined || encoded === undefined) throw refused(source, 'is not a key', index + 1)
    const secret = Buffer.from(encoded, 'base64')
    if (secret.every((byte) => byte === secret[0])) throw refused(source, 'is no random key', index + 1)
    if (keys.has(Number(epoch))) throw refused(source, 'has an epoch twice', index + 1)
    keys.set(Number(epoch), wrappingKey(secret))
  }
  if (keys.size === 0) throw refused(source, 'holds no key')
  return keys
}

/** One line, with a line end. */
export function kekLine(epoch: number, secret: Uint8Array): string {
  if (secret.length !== SECRET_BYTES)
    throw new YizhanError('internal', 'a key-encryption key is not of 32 bytes')
  return `${epoch} ${Buffer.from(secret).toString('base64')}\n`
}

function refused(source: string, why: string, line?: number): YizhanError {
  const where = line === undefined ? source : `${source}, line ${line},`
  return new YizhanError('config_invalid', `the key-encryption key in ${where} ${why}`, {
    details: { source, ...(line === undefined ? {} : { line }) },
    hint: 'each line is an epoch number and 32 random bytes in base64: echo "1 $(openssl rand -base64 32)"',
  })
}
