import { type Static, Type } from '@sinclair/typebox'
import { defineCollection } from '../storage/index.js'

const Count = Type.Integer({ minimum: 0 })

/** Something that was imported into a tenant's knowledge: a file, a page, a table of documents. */
export const StoredSource = Type.Object({
  /** As the citation names it: a path, or the address of a page. */
  name: Type.String({ minLength: 1 }),
  /** Knowledge set that it belongs to. */
  knowledge: Type.String({ minLength: 1 }),
  /** Data class, such as `internal`. */
  class: Type.Optional(Type.String({ minLength: 1 })),
  /** Grows by one each time that other content is imported under the name; from 1. */
  version: Type.Integer({ minimum: 1 }),
  /** Of the content as it was given, SHA-256 in hex. */
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  sizeBytes: Count,
  /** Of the text that was read from it, as it is stored. */
  textBytes: Count,
  documents: Count,
  /** Records that hold its text. */
  parts: Count,
  /** Milliseconds since the Unix epoch. */
  importedAt: Count,
  importedBy: Type.String({ minLength: 1 }),
})
export type StoredSource = Static<typeof StoredSource>

export const SOURCES = defineCollection({
  name: 'knowledge-sources',
  version: 1,
  schema: StoredSource,
  key: ({ name }) => name,
  dataClass: 'knowledge',
})
