import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { asTenantId, type Clock, newId, type TenantId, YizhanError } from '@yizhan/kernel'
import { type AuditEntry, collectionOf, type Store } from '../storage/index.js'
import { API_KEYS, type StoredKey } from './key-collection.js'

/** What is told of a key; never its secret. */
export type ApiKey = Omit<StoredKey, 'secretSha256'>

export interface NewApiKey {
  /** What it is for, 1–100 characters. */
  readonly name: string
  /** Pseudonym that its requests count as in quotas, 1–100 characters; default: the key itself. */
  readonly user?: string
  /** Milliseconds since the Unix epoch; default: never. */
  readonly expiresAt?: number
}

/** Who does it, for the audit. */
export interface KeyActor {
  readonly actor: string
  readonly requestId: string
}

/** Whose request it is. */
export interface Caller {
  readonly tenant: TenantId
  readonly keyId: string
  readonly user: string
}

/** Keys by which programs reach the front, each of one tenant. All are held in memory; only digests of secrets are kept. */
export interface ApiKeys {
  /** `secret` is told this once. `invalid_argument`, `too_large` beyond 1,000 keys of a tenant that can still be used. */
  create(tenant: TenantId, key: NewApiKey, by: KeyActor): Promise<ApiKey & { readonly secret: string }>
  /** In order of creation, revoked ones too. */
  list(tenant: TenantId): readonly ApiKey[]
  /** Opens nothing from now on. Idempotent. `not_found`. */
  revoke(tenant: TenantId, id: string, by: KeyActor): Promise<ApiKey>
  /** Whose key it is; undefined for a wrong, revoked or expired one. */
  caller(secret: string): Caller | undefined
}

const PREFIX = 'yzk'
const SECRET_BYTES = 32
const MAX_CHARS = 100
const MAX_USABLE = 1_000
/** Stands for a key that is not there, so that an unknown id takes as long as a wrong secret. */
const NOBODY = Buffer.alloc(32)

export async function openApiKeys(deps: {
  readonly store: Store
  readonly clock: Clock
  readonly tenants: readonly TenantId[]
}): Promise<ApiKeys> {
  const { store, clock } = deps
  const collection = collectionOf({ store, clock }, API_KEYS)
  const known = new Map<TenantId, Map<string, StoredKey>>()
  const keysOf = (tenant: TenantId) => {
    const found = known.get(tenant) ?? new Map<string, StoredKey>()
    known.set(tenant, found)
    return found
  }
  for (const tenant of deps.tenants) {
    let cursor: string | undefined
    do {
      const page = await collection.scan(tenant, cursor === undefined ? {} : { cursor })
      for (const { value } of page.records) keysOf(tenant).set(value.id, value)
      cursor = page.cursor
    } while (cursor !== undefined)
  }

  const usable = (key: StoredKey) =>
    key.revokedAt === undefined && (key.expiresAt === undefined || key.expiresAt > clock.wall())
  const entry = (by: KeyActor, action: AuditEntry['action'], after: StoredKey): AuditEntry => ({
    time: clock.wall(),
    ...by,
    action,
    object: `${collection.name}/${after.id}`,
    after: Buffer.from(JSON.stringify(shown(after))),
  })

  return {
    async create(tenant, { name, user, expiresAt }, by) {
      for (const text of [name, user ?? 'x']) {
        if (text.trim() === '' || text.length > MAX_CHARS) {
          throw new YizhanError(
            'invalid_argument',
            `a name or user of a key is not 1–${MAX_CHARS} characters long`,
          )
        }
      }
      const createdAt = clock.wall()
      if (expiresAt !== undefined && expiresAt <= createdAt) {
        throw new YizhanError('invalid_argument', 'the key would have expired already')
      }
      if ([...keysOf(tenant).values()].filter(usable).length >= MAX_USABLE) {
        throw new YizhanError('too_large', `the tenant has ${MAX_USABLE} keys`, { hint: 'api-keys revoke' })
      }
      const id = newId('key', createdAt).slice('key_'.length)
      const secret = randomBytes(SECRET_BYTES).toString('base64url')
      const key: StoredKey = {
        id,
        name,
        secretSha256: digest(secret).toString('hex'),
        ...(user === undefined ? {} : { user }),
        createdAt,
        createdBy: by.actor,
        ...(expiresAt === undefined ? {} : { expiresAt }),
      }
      await store.batch(tenant, [collection.save(key, { expectedVersion: 0 })], entry(by, 'CREATE', key))
      keysOf(tenant).set(id, key)
      return { ...shown(key), secret: [PREFIX, tenant, id, secret].join('_') }
    },
    list: (tenant) => [...keysOf(tenant).values()].sort((a, b) => (a.id < b.id ? -1 : 1)).map(shown),
    async revoke(tenant, id, by) {
      const key = keysOf(tenant).get(id)
      if (!key) throw new YizhanError('not_found', 'the tenant has no such key', { hint: 'api-keys list' })
      if (key.revokedAt !== undefined) return shown(key)
      const revoked = { ...key, revokedAt: clock.wall() }
      await store.batch(tenant, [collection.save(revoked)], entry(by, 'UPDATE', revoked))
      keysOf(tenant).set(id, revoked)
      return shown(revoked)
    },
    caller(given) {
      const { tenant, id, secret } = partsOf(given)
      const key = tenant && known.get(tenant)?.get(id)
      const right = timingSafeEqual(digest(secret), key ? Buffer.from(key.secretSha256, 'hex') : NOBODY)
      if (!tenant || !key || !right || !usable(key)) return undefined
      return { tenant, keyId: id, user: key.user ?? `key:${id}` }
    },
  }
}

function shown({ secretSha256: _, ...key }: StoredKey): ApiKey {
  return key
}

function digest(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** `yzk_TENANT_ID_SECRET`; a tenant's id has no `_`, a secret may. */
function partsOf(given: string): { tenant: TenantId | undefined; id: string; secret: string } {
  const [prefix, tenant = '', id = '', ...rest] = given.length > 256 ? [] : given.split('_')
  return { tenant: prefix === PREFIX ? asTenantId(tenant) : undefined, id, secret: rest.join('_') }
}
