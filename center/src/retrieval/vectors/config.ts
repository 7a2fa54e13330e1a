import { type Static, Type } from '@sinclair/typebox'

const closed = { additionalProperties: false } as const

/** Settings of `knowledge.vectors`: where the vectors of passages lie. They count only with an embedder among the backends. */
export const vectorsConfigSchema = Type.Object(
  {
    /**
     * `usearch`: in the center's memory, made anew at each start. `pgvector`: in the database of `storage.postgres`, whatever
     * `storage.engine` is. `qdrant`: on a server of its own.
     */
    store: Type.Union([Type.Literal('usearch'), Type.Literal('pgvector'), Type.Literal('qdrant')], {
      default: 'usearch',
      restart: true,
    }),
    qdrant: Type.Object(
      {
        /** Of its REST interface; port 6333 unless another one is named. */
        url: Type.Optional(Type.String({ pattern: '^https?://', restart: true })),
        apiKey: Type.Optional(Type.String({ minLength: 1, secret: true, restart: true })),
        /** What the names of this center's collections begin with. */
        prefix: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', default: 'yizhan', restart: true }),
        /** For one request. */
        timeoutMs: Type.Integer({ minimum: 100, maximum: 600_000, default: 10_000, restart: true }),
      },
      { ...closed, default: {} },
    ),
  },
  { ...closed, default: {} },
)

export type VectorsConfig = Static<typeof vectorsConfigSchema>
