import { type Static, Type } from '@sinclair/typebox'
import { defineCollection } from '../storage/index.js'

const Count = Type.Integer({ minimum: 0 })

const Key = Type.Object({
  id: Type.String({ minLength: 1 }),
  /** What it is for, as its maker called it. */
  name: Type.String(),
  /** SHA-256 of the secret, hex: 256 random bits need no slow hash. */
  secretSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  /** Counts as this user in quotas; default: as itself. */
  user: Type.Optional(Type.String()),
  createdAt: Count,
  createdBy: Type.String(),
  /** Milliseconds since the Unix epoch; from then on it opens nothing. */
  expiresAt: Type.Optional(Count),
  revokedAt: Type.Optional(Count),
})

export type StoredKey = Static<typeof Key>

/** API keys of a tenant by their ids. A revoked one stays: the audit names it. */
export const API_KEYS = defineCollection({
  name: 'api-keys',
  version: 1,
  schema: Key,
  key: ({ id }) => id,
})
