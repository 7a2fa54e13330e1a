import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox'
import { compileConfig, KekConfig, telemetryConfigSchema } from '@yizhan/kernel'
// Past the folder's index: every verb reads the settings, and gRPC would come along.
import { quotaLimitsSchema } from './admission/quota-config.js'
import { auditConfigSchema } from './audit/anchor-config.js'
import { frontConfigSchema } from './front/config.js'
import { gatewayConfigSchema } from './gateway/config.js'
import { BackendConfig } from './inference/backends/config.js'
import { privacyConfigSchema } from './privacy/config.js'
import { vectorsConfigSchema } from './retrieval/vectors/config.js'
import { postgresConfigSchema } from './storage/postgres/config.js'

const Port = (def: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: def, restart: true })
const Ms = (def: number, minimum = 0) => Type.Integer({ minimum, default: def, restart: true })
const group = <P extends TProperties>(properties: P, marks: { restart?: true } = {}): TObject<P> =>
  Type.Object(properties, { additionalProperties: false, default: {}, ...marks })

const HOUR = 3_600_000

/** The key-encryption key in the state directory, unless the settings name another place. */
export const KEK_FILE = 'kek'
/** The erasure log in the state directory, likewise. */
export const ERASURE_LOG_FILE = 'erasures.jsonl'
/** The id of the restore that made the state directory; a database that it filled has the same until it is whole. */
export const RESTORED_FILE = 'restored'

/** Every setting of the center. Names carry their units; a port of 0 means any free one. */
export const CenterConfig = Type.Object(
  {
    /** Where everything that must outlive the process stands. */
    stateDir: Type.String({ minLength: 1, default: '/var/lib/yizhan/center', restart: true }),
    /** The `spiffe://` trust domain of this installation; never changed once edges are enrolled. */
    trustDomain: Type.String({
      pattern: '^[a-z0-9][a-z0-9.-]{0,252}$',
      default: 'yizhan.local',
      restart: true,
    }),
    log: group({
      level: Type.Union(
        [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
        { default: 'info' },
      ),
    }),
    telemetry: Type.Object(telemetryConfigSchema.properties, { additionalProperties: false, default: {} }),
    /** The listeners for edges. */
    gateway: Type.Object(gatewayConfigSchema.properties, { additionalProperties: false, default: {} }),
    certificates: group({
      /** Names and addresses under which edges reach the center. */
      dnsNames: Type.Array(Type.String({ minLength: 1 }), { default: ['localhost'], restart: true }),
      ips: Type.Array(Type.String({ minLength: 2 }), { default: ['127.0.0.1'], restart: true }),
      edgeTtlMs: Ms(7 * 24 * HOUR, 1_000),
      serverTtlMs: Ms(30 * 24 * HOUR, 60_000),
    }),
    api: group({
      host: Type.String({ default: '127.0.0.1', restart: true }),
      port: Port(7480),
    }),
    storage: group({
      /**
       * Where tenants live. `both`: LevelDB shards, and PostgreSQL as one more place that `storage move` can take tenants to.
       * `postgres`: all of it there, the system's records too, and no LevelDB.
       */
      engine: Type.Union([Type.Literal('level'), Type.Literal('postgres'), Type.Literal('both')], {
        default: 'level',
        restart: true,
      }),
      /** LevelDB shards: 1 or 2 on one disk, 4 at most. */
      shards: Type.Integer({ minimum: 1, maximum: 4, default: 2, restart: true }),
      /** A directory for each shard, such as one on each disk; default all in the state directory. */
      dirs: Type.Array(Type.String({ minLength: 1 }), { default: [], maxItems: 4, restart: true }),
      /** Directories over which pieces of files are spread; default one in the state directory. */
      fileDirs: Type.Array(Type.String({ minLength: 1 }), { default: [], maxItems: 64, restart: true }),
      /** The place of tenants that write for the first time, such as `postgres`; default spread over the shards. */
      newTenants: Type.Optional(Type.String({ pattern: '^(shard-[0-3]|postgres)$', restart: true })),
      postgres: Type.Object(postgresConfigSchema.properties, { additionalProperties: false, default: {} }),
    }),
    keys: group({
      /** What wraps every other key. The default, a file in the state directory, protects nothing that is copied together with it. */
      kek: Type.Object(KekConfig.properties, { additionalProperties: false, default: {} }),
      /** What seals from now on; both open. */
      algorithm: Type.Union([Type.Literal('sm4'), Type.Literal('aes-256-gcm')], {
        default: 'sm4',
        restart: true,
      }),
    }),
    audit: Type.Object(auditConfigSchema.properties, { additionalProperties: false, default: {} }),
    privacy: Type.Object(privacyConfigSchema.properties, { additionalProperties: false, default: {} }),
    /** The OpenAI-compatible listener for other programs. */
    front: Type.Object(frontConfigSchema.properties, { additionalProperties: false, default: {} }),
    knowledge: group({
      /** Hosts in this organisation's own networks that `knowledge import --urls` may fetch pages from; default none. */
      allowedHosts: Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
        default: [],
        maxItems: 1_000,
        restart: true,
      }),
      vectors: Type.Object(vectorsConfigSchema.properties, { additionalProperties: false, default: {} }),
    }),
    inference: group({
      /** What writes answers. `extractive` is there as a backup unless it is listed. */
      backends: Type.Array(BackendConfig, { default: [], maxItems: 64, restart: true }),
      /** Shorthand for one backend: an OpenAI-compatible server; without a URL the extractive backend answers from the documents. */
      llm: group({
        url: Type.Optional(Type.String({ pattern: '^https?://', restart: true })),
        model: Type.String({ default: 'default', restart: true }),
        apiKey: Type.Optional(Type.String({ secret: true, restart: true })),
        firstTokenMs: Ms(60_000, 100),
        betweenTokensMs: Ms(30_000, 100),
      }),
      extractive: group({
        /** Pause between the pieces of a quoted answer, so that a person can read along. 0 = none. */
        paceMs: Ms(0),
      }),
      /** Requests that run at once on all backends together. */
      maxRunning: Type.Integer({ minimum: 1, default: 1_024, restart: true }),
      /** Requests that wait; one tenant has at most half of them. */
      maxQueued: Type.Integer({ minimum: 1, default: 1_000, restart: true }),
      queue: group({
        /** `fair`: by tenant, as weighed; `fifo`: first come, first served, to compare with. */
        order: Type.Union([Type.Literal('fair'), Type.Literal('fifo')], { default: 'fair', restart: true }),
        /** A request that has waited this long is given up. */
        ttlMs: Ms(10 * 60_000, 1_000),
        /** Tasks and batches that have waited this long get one of eight places, whatever waits before them. */
        agedMs: Ms(30_000, 1_000),
      }),
      /** What each tenant and each of its users may ask for; `tenant.yaml` can only lower it. */
      quotas: group(
        {
          tenant: group(quotaLimitsSchema.properties),
          user: group(quotaLimitsSchema.properties),
          /** Other limits, and a share beside the others', for some tenants. */
          tenants: Type.Record(
            Type.String(),
            Type.Object(
              {
                weight: Type.Number({ exclusiveMinimum: 0, maximum: 1_000, default: 1 }),
                tenant: group(quotaLimitsSchema.properties),
                user: group(quotaLimitsSchema.properties),
              },
              { additionalProperties: false },
            ),
            { default: {} },
          ),
        },
        { restart: true },
      ),
      memory: group({
        /** Of a conversation's history that a model is shown. Default: a quarter of the smallest context that is known, else 2,000. */
        historyTokens: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, restart: true })),
        /** Whether a model keeps notes of what was said before that; `false`: it is left out. */
        summaries: Type.Boolean({ default: true, restart: true }),
      }),
      /** Further tries after a failure, in each channel. */
      retries: Type.Integer({ minimum: 0, maximum: 10, default: 3, restart: true }),
      /** How often backends are asked whether they live. */
      probeMs: Ms(15_000, 1_000),
      requestTimeoutMs: Ms(10 * 60_000, 1_000),
    }),
  },
  { additionalProperties: false, $id: 'https://yizhan.dev/schema/center.json' },
)

export type CenterConfig = Static<typeof CenterConfig>
export const centerConfig = compileConfig(CenterConfig)
