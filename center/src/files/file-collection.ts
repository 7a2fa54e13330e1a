import { Type } from '@sinclair/typebox'
import { defineCollection } from '../storage/index.js'

const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Count = Type.Integer({ minimum: 0 })

/** `StoredFile`s by their ids. */
export const FILES = defineCollection({
  name: 'files',
  version: 1,
  schema: Type.Object({
    id: Type.String({ minLength: 1 }),
    name: Type.String({ minLength: 1 }),
    mediaType: Type.String({ minLength: 1 }),
    sizeBytes: Count,
    sha256: Digest,
    root: Digest,
    pieces: Count,
    pieceBytes: Type.Integer({ minimum: 1 }),
    storedAt: Count,
    mark: Type.Optional(Digest),
    subject: Type.Optional(Type.String()),
    expiresAt: Type.Optional(Count),
  }),
  key: ({ id }) => id,
  subject: ({ subject }) => subject,
  terms: ({ mark }) => (mark === undefined ? [] : [{ name: 'content', value: mark }]),
  expiresAt: ({ expiresAt }) => expiresAt,
  dataClass: 'attachments',
})
