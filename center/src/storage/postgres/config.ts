import { type Static, Type } from '@sinclair/typebox'

const closed = { additionalProperties: false } as const
const Name = (def: string) => Type.String({ pattern: '^[a-z_][a-z0-9_]{0,62}$', default: def, restart: true })
const Path = Type.String({ minLength: 1, restart: true })
const Ms = (def: number) => Type.Integer({ minimum: 100, maximum: 3_600_000, default: def, restart: true })

const role = (def: string, marks: { default?: object } = { default: {} }) =>
  Type.Object(
    {
      user: Name(def),
      /** Its first line is the password; read at every connection. Without it: peer or certificate. */
      passwordFile: Type.Optional(Path),
    },
    { ...closed, ...marks },
  )

/** Settings of `storage.postgres`. */
export const postgresConfigSchema = Type.Object(
  {
    /** A name, an address, or the directory of a Unix socket. */
    host: Type.String({ minLength: 1, default: '/var/run/postgresql', restart: true }),
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: 5432, restart: true }),
    database: Name('yizhan'),
    /** `verify`: certificate and name are checked, TLS 1.2 at least. `off`: for a socket or a loopback address only. */
    tls: Type.Object(
      {
        mode: Type.Union([Type.Literal('verify'), Type.Literal('off')], { default: 'verify', restart: true }),
        /** Default: the authorities that Node.js knows. */
        caFile: Type.Optional(Path),
        certFile: Type.Optional(Path),
        keyFile: Type.Optional(Path),
      },
      { ...closed, default: {} },
    ),
    roles: Type.Object(
      {
        /** Reads and writes one tenant at a time. */
        app: role('yizhan_app'),
        /** Lists tenants, and sees nothing else. */
        sweep: role('yizhan_sweep'),
        /** Owns the tables: migrates and compacts. Left out, both are somebody else's work. */
        owner: Type.Optional(role('yizhan_owner', {})),
      },
      { ...closed, default: {} },
    ),
    poolMax: Type.Integer({ minimum: 1, maximum: 500, default: 10, restart: true }),
    connectTimeoutMs: Ms(5_000),
    statementTimeoutMs: Ms(30_000),
    /** For how long a write waits to learn its outcome when the connection broke in its commit. */
    outcomeTimeoutMs: Ms(60_000),
    /** A compaction rewrites no larger partition: until one is rewritten the calls of all tenants wait. */
    rewriteMaxBytes: Type.Integer({ minimum: 0, default: 128 * 1024 * 1024, restart: true }),
  },
  { ...closed, default: {} },
)

export type PostgresConfig = Static<typeof postgresConfigSchema>
export type PostgresRole = PostgresConfig['roles']['app']
