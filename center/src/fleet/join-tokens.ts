import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import {
  asEdgeId,
  asTenantId,
  type Clock,
  type EdgeId,
  type Logger,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import type { SystemStore } from '../storage/index.js'
import { AttemptLimiter, type AttemptLimits, sourceOf } from './attempt-limiter.js'
import type { CertificateAuthority } from './certificate-authority.js'
import { formatJoinToken, isJoinSecret } from './join-token-format.js'
import type { EdgeRegistry } from './port.js'
import { fromStored, toStored } from './stored-json.js'

const TokenSchema = Type.Object({
  secretSha256: Type.String(),
  edgeId: Type.String(),
  tenants: Type.Array(Type.String()),
  site: Type.String(),
  actor: Type.String(),
  createdAt: Type.Number(),
  expiresAt: Type.Number(),
  used: Type.Optional(
    Type.Object({ spkiSha256: Type.String(), certificate: Type.String(), at: Type.Number() }),
  ),
})
type StoredToken = Static<typeof TokenSchema>

const COLLECTION = 'join-tokens'
// Half of the hash finds the record; all of it is then compared in constant time.
const LOOKUP_DIGITS = 32
const MIN_TTL_MS = 1_000
const MAX_TTL_MS = 30 * 24 * 3_600_000
const KEPT_AFTER_EXPIRY_MS = 30 * 24 * 3_600_000
const MAX_SITE_CHARS = 200

export interface NewToken {
  readonly edgeId: EdgeId
  readonly tenants: readonly TenantId[]
  readonly site: string
  /** 1 second to 30 days. */
  readonly ttlMs: number
  /** Who makes it. */
  readonly actor: string
}

/** What a valid token entitles to. */
export interface JoinGrant {
  /** Names the token without giving it away. */
  readonly tokenId: string
  readonly edgeId: EdgeId
  readonly tenants: readonly TenantId[]
  readonly site: string
}

export interface JoinTokens {
  /** The token's text; its secret is nowhere else. `failed_precondition` for a revoked edge, `invalid_argument`. */
  create(token: NewToken): Promise<string>
  /**
   * Uses a token up for one key. `claim` is asked only once the token is known to be good; of several calls one
   * stores the certificate that it issues, and the same key gets that one again as long as the token is valid.
   * `unauthenticated` for a token that is unknown or expired, `permission_denied` for another key, `overloaded` for
   * too many attempts from `remote` or altogether; what `claim` throws leaves the token unused.
   */
  redeem(
    attempt: { readonly secret: string; readonly remote: string },
    claim: (grant: JoinGrant) => { readonly spkiSha256: string; issue(): Uint8Array },
  ): Promise<{ readonly grant: JoinGrant; readonly certificateDer: Uint8Array }>
}

/** Failed attempts a minute from one source, and altogether. */
const DEFAULT_LIMITS: AttemptLimits = { perSource: 10, overall: 600 }

export function createJoinTokens(
  deps: {
    readonly system: SystemStore
    readonly ca: Pick<CertificateAuthority, 'spkiSha256'>
    readonly registry: Pick<EdgeRegistry, 'get'>
    readonly clock: Clock
    readonly log: Logger
  },
  config: { readonly limits: AttemptLimits } = { limits: DEFAULT_LIMITS },
): JoinTokens {
  const { system, clock, log } = deps
  const limiter = new AttemptLimiter({ clock }, config.limits)

  const find = async (secret: string) => {
    const hash = sha256(secret)
    const record = await system.get(COLLECTION, lookupKey(hash))
    const token = record && fromStored(TokenSchema, record.value, 'a join token')
    if (!record || !token || !timingSafeEqual(Buffer.from(token.secretSha256, 'hex'), hash)) {
      throw unusable('is not known')
    }
    if (clock.wall() >= token.expiresAt) throw unusable('has expired')
    return { record, token, grant: grantOf(record.key, token) }
  }

  const use: JoinTokens['redeem'] = async ({ secret }, claim) => {
    for (;;) {
      const { record, token, grant } = await find(secret)
      const { spkiSha256, issue } = claim(grant)
      if (token.used) return { grant, certificateDer: certificateOf(token.used, spkiSha256, grant) }
      const certificateDer = issue()
      const certificate = Buffer.from(certificateDer).toString('base64')
      const value = toStored({ ...token, used: { spkiSha256, certificate, at: clock.wall() } })
      try {
        const expectedVersion = record.version
        await system.batch([{ op: 'put', collection: COLLECTION, key: record.key, value, expectedVersion }])
        return { grant, certificateDer }
      } catch (thrown) {
        // Somebody else used it meanwhile: the next round tells whether with the same key.
        if (!(thrown instanceof YizhanError && thrown.code === 'conflict')) throw thrown
      }
    }
  }

  return {
    async create(token) {
      checkNewToken(token)
      if (deps.registry.get(token.edgeId)?.revoked) {
        throw new YizhanError('failed_precondition', `the edge ${token.edgeId} is revoked and stays so`, {
          hint: 'take another edge id',
        })
      }
      const secret = randomBytes(32).toString('base64url')
      const hash = sha256(secret)
      const { edgeId, tenants, site, actor, ttlMs } = token
      const now = clock.wall()
      const stored: StoredToken = {
        secretSha256: hash.toString('hex'),
        edgeId,
        tenants: [...tenants],
        site,
        actor,
        createdAt: now,
        expiresAt: now + ttlMs,
      }
      const put = {
        op: 'put',
        collection: COLLECTION,
        key: lookupKey(hash),
        value: toStored(stored),
      } as const
      await system.batch([{ ...put, expectedVersion: 0 }, ...(await forgetOld(system, now))])
      log.info({ edge: edgeId, tenants, actor }, 'a join token was made')
      return formatJoinToken({ secret, caSpkiSha256: deps.ca.spkiSha256 })
    },

    async redeem(attempt, claim) {
      const giveBack = limiter.take(sourceOf(attempt.remote))
      if (!isJoinSecret(attempt.secret)) throw unusable('is not known')
      const redeemed = await use(attempt, claim)
      giveBack()
      return redeemed
    },
  }
}

function unusable(why: string): YizhanError {
  return new YizhanError('unauthenticated', `the join token ${why}`, {
    hint: 'make a new one with: yizhan-center edges token EDGE',
  })
}

function certificateOf(
  used: NonNullable<StoredToken['used']>,
  spkiSha256: string,
  grant: JoinGrant,
): Uint8Array {
  if (used.spkiSha256 === spkiSha256) return new Uint8Array(Buffer.from(used.certificate, 'base64'))
  throw new YizhanError('permission_denied', 'the join token was used by another key', {
    details: { edge: grant.edgeId },
    hint: 'if that was not you, revoke the edge',
  })
}

function checkNewToken({ tenants, site, ttlMs, actor }: NewToken): void {
  if (!Number.isFinite(ttlMs) || ttlMs < MIN_TTL_MS || ttlMs > MAX_TTL_MS) {
    throw new YizhanError('invalid_argument', 'a join token is valid for 1 second to 30 days')
  }
  if (tenants.length === 0) throw new YizhanError('invalid_argument', 'an edge serves one tenant at least')
  if (site.length > MAX_SITE_CHARS) {
    throw new YizhanError('invalid_argument', `a site has at most ${MAX_SITE_CHARS} characters`)
  }
  if (actor === '') throw new YizhanError('invalid_argument', 'the actor is missing')
}

function grantOf(tokenId: string, token: StoredToken): JoinGrant {
  const edgeId = asEdgeId(token.edgeId)
  const tenants = token.tenants.map(asTenantId).filter((tenant) => tenant !== undefined)
  if (!edgeId || tenants.length !== token.tenants.length) {
    throw new YizhanError('data_corrupt', 'a join token cannot be read')
  }
  return { tokenId, edgeId, tenants, site: token.site }
}

/** Tokens that expired long ago; kept for a month so that a late attempt is told why. */
async function forgetOld(system: SystemStore, now: number) {
  const { records } = await system.scan(COLLECTION, { limit: 1_000 })
  return records
    .filter(({ value }) => {
      const { expiresAt } = fromStored(TokenSchema, value, 'a join token')
      return expiresAt + KEPT_AFTER_EXPIRY_MS < now
    })
    .map(({ key }) => ({ op: 'delete', collection: COLLECTION, key }) as const)
}

function sha256(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function lookupKey(hash: Buffer): string {
  return hash.toString('hex').slice(0, LOOKUP_DIGITS)
}
