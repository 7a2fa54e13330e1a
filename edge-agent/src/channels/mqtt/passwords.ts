import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { asTenantId, YizhanError } from '@yizhan/kernel'
import { isChatName } from './topics.js'

export interface MqttUser {
  readonly tenant: string
  readonly user: string
  /** `<salt base64>$<scrypt hash base64>`, as `hashPassword` makes it. */
  readonly scrypt: string
}

export type Verdict =
  | { readonly verdict: 'known'; readonly tenant: string; readonly user: string }
  | { readonly verdict: 'unknown' }
  /** Too many log-ins wait: nothing is said about this one. */
  | { readonly verdict: 'busy' }

interface Secret {
  readonly salt: Buffer
  readonly hash: Buffer
}

const HASH_BYTES = 32
const FORM = /^([A-Za-z0-9+/]{16,}={0,2})\$([A-Za-z0-9+/]{22,86}={0,2})$/
/** Each takes about 50 ms and 16 MiB on one of the threads that also sync the journal, so they go one at a time. */
const MAX_WAITING = 64

/** A password in the form in which the configuration holds it; salted anew on each call. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(Buffer.from(password), salt, HASH_BYTES)
  return `${salt.toString('base64')}$${hash.toString('base64')}`
}

/** The MQTT users of an edge. `verify` takes the same time for a wrong name as for a wrong password. */
export class Passwords {
  readonly #secrets = new Map<string, Secret & MqttUser>()
  readonly #decoy: Secret = { salt: randomBytes(16), hash: randomBytes(HASH_BYTES) }
  /** What was right before, keyed by a secret of this process: a herd of reconnects costs no scrypt. */
  readonly #seen = new Map<string, Buffer>()
  readonly #seenKey = randomBytes(32)
  #waiting = 0
  #tail: Promise<unknown> = Promise.resolve()

  /** Throws `config_invalid`, by path and never with a value. */
  constructor(users: readonly MqttUser[]) {
    for (const [index, user] of users.entries()) {
      const [, salt, hash] = FORM.exec(user.scrypt) ?? []
      const name = `${user.tenant}/${user.user}`
      if (!asTenantId(user.tenant)) throw invalid(index, 'tenant', 'is not a tenant id')
      if (!isChatName(user.user)) throw invalid(index, 'user', 'must be 1 to 64 of A-Z a-z 0-9 _ . @ -')
      if (salt === undefined || hash === undefined)
        throw invalid(index, 'scrypt', 'is not of the form salt$hash')
      if (this.#secrets.has(name)) throw invalid(index, 'user', 'is there twice')
      this.#secrets.set(name, {
        ...user,
        salt: Buffer.from(salt, 'base64'),
        hash: Buffer.from(hash, 'base64'),
      })
    }
  }

  /** `username` is `tenant/user`. */
  async verify(username: string | undefined, password: Buffer | undefined): Promise<Verdict> {
    if (username === undefined || password === undefined) return { verdict: 'unknown' }
    const user = this.#secrets.get(username)
    const mark = createHmac('sha256', this.#seenKey).update(password).digest()
    const seen = this.#seen.get(username)
    if (user && seen && timingSafeEqual(seen, mark)) return known(user)
    if (this.#waiting >= MAX_WAITING) return { verdict: 'busy' }
    const { salt, hash } = user ?? this.#decoy
    const got = await this.#inTurn(() => derive(password, salt, hash.length))
    if (!timingSafeEqual(got, hash) || !user) return { verdict: 'unknown' }
    this.#seen.set(username, mark)
    return known(user)
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting++
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => undefined)
    try {
      return await result
    } finally {
      this.#waiting--
    }
  }
}

function known({ tenant, user }: MqttUser): Verdict {
  return { verdict: 'known', tenant, user }
}

function invalid(index: number, field: string, problem: string): YizhanError {
  return new YizhanError('config_invalid', `mqtt.auth.users[${index}].${field} ${problem}`)
}

function derive(password: Buffer, salt: Buffer, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
