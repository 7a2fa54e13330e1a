const REDACTED = '[redacted]'
const LEVELS = 4
const NAMES = new Set(['authorization', 'csr', 'cookie', 'setcookie', 'passphrase', 'credentials'])
const ENDINGS = ['token', 'password', 'secret', 'apikey', 'privatekey']

function isSecretKey(key: string): boolean {
  const plain = key.replace(/[-_]/g, '').toLowerCase()
  return NAMES.has(plain) || ENDINGS.some((ending) => plain.endsWith(ending))
}

// These have serializers of their own, which need the object as it is.
const SERIALIZED = new Set(['err', 'error', 'req', 'res'])

/** A copy of a log record in which the values of secret-looking keys are replaced, four levels deep. */
export function redactKeys(record: object): Record<string, unknown> {
  try {
    return redactObject(record, 1)
  } catch {
    // A getter or toJSON that throws must not turn a log line into a failed request.
    return { unloggable: true }
  }
}

function redactObject(value: object, level: number): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (isSecretKey(key)) out[key] = item === undefined || item === null ? item : REDACTED
    else if (level === 1 && SERIALIZED.has(key)) out[key] = item
    else out[key] = redactValue(item, level + 1)
  }
  return out
}

function redactValue(value: unknown, level: number): unknown {
  if (level > LEVELS || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => redactValue(item, level))
  // Errors go through the `err` serializer, binary data and collections have no keys to look at.
  if (value instanceof Error || ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set) {
    return value
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return redactValue(value.toJSON(), level + 1)
  return redactObject(value, level)
}
