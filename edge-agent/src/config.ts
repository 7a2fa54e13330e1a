import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox'
import { compileConfig, KekConfig, telemetryConfigSchema } from '@yizhan/kernel'

const Port = (def: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: def, restart: true })
const Ms = (def: number, minimum = 0) => Type.Integer({ minimum, default: def, restart: true })
const group = <P extends TProperties>(properties: P): TObject<P> =>
  Type.Object(properties, { additionalProperties: false, default: {} })
const HOUR = 3_600_000

const MqttUser = Type.Object(
  {
    tenant: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
    user: Type.String({ pattern: '^[A-Za-z0-9_.@-]{1,64}$' }),
    /** `<salt base64>$<scrypt hash base64>`, as `yizhan-edge password` prints it. */
    scrypt: Type.String({ minLength: 10, secret: true }),
  },
  { additionalProperties: false },
)

/** Every setting of an edge agent. Names carry their units; a port of 0 means any free one. */
export const EdgeConfig = Type.Object(
  {
    /** Journal, certificate, cached bundles. */
    stateDir: Type.String({ minLength: 1, default: '/var/lib/yizhan/edge', restart: true }),
    /** The branch, as people call it. */
    site: Type.String({ default: '', restart: true }),
    log: group({
      level: Type.Union(
        [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error')],
        { default: 'info' },
      ),
    }),
    telemetry: Type.Object(telemetryConfigSchema.properties, { additionalProperties: false, default: {} }),
    center: group({
      /** host:port of the center's link listener. */
      link: Type.String({ pattern: ':\\d+$', default: '127.0.0.1:7443', restart: true }),
      /** host:port of its enrolment listener; needed once, with a join token. */
      enroll: Type.Optional(Type.String({ pattern: ':\\d+$', restart: true })),
      joinToken: Type.Optional(Type.String({ secret: true, restart: true })),
    }),
    keys: group({
      /** What wraps the keys of this edge. A file in the state directory lies beside what it protects. */
      kek: Type.Object(KekConfig.properties, { additionalProperties: false, default: {} }),
      /** What seals from now on; both open. */
      algorithm: Type.Union([Type.Literal('sm4'), Type.Literal('aes-256-gcm')], {
        default: 'sm4',
        restart: true,
      }),
    }),
    http: group({
      host: Type.String({ default: '127.0.0.1', restart: true }),
      port: Port(8080),
      /** Origins besides the page's own that may open a WebSocket. */
      allowedOrigins: Type.Array(Type.String({ pattern: '^https?://' }), { default: [], restart: true }),
    }),
    mqtt: group({
      host: Type.String({ default: '127.0.0.1', restart: true }),
      port: Port(1883),
      auth: group({
        /** `open` is allowed on a loopback address only. */
        mode: Type.Union([Type.Literal('open'), Type.Literal('password')], {
          default: 'open',
          restart: true,
        }),
        users: Type.Array(MqttUser, { default: [], restart: true }),
      }),
    }),
    chat: group({
      /** Tell clients how each answer was decided. */
      showRoute: Type.Boolean({ default: false, restart: true }),
      maxTextChars: Type.Integer({ minimum: 1, maximum: 32_000, default: 4_000, restart: true }),
      /** Socket of the demo's launcher: the page gets switches that cut the link. Loopback only; for demos. */
      demoSocket: Type.Optional(Type.String({ minLength: 1, restart: true })),
    }),
    skills: group({
      /** Directory of `*.mjs` skills of one's own; read at the start. */
      dir: Type.Optional(Type.String({ minLength: 1, restart: true })),
    }),
    journal: group({
      /** What the journal may hold; more refuses new messages. Past three quarters, settled turns go before their time. */
      maxBytes: Type.Integer({ minimum: 16 << 20, default: 1 << 30, restart: true }),
      maxRecords: Type.Integer({ minimum: 10_000, default: 4_000_000, restart: true }),
      /** Messages whose ids are remembered; one more makes the oldest go before its time. */
      maxDedupeKeys: Type.Integer({ minimum: 10_000, default: 1_000_000, restart: true }),
    }),
    turns: group({
      /** How long a running answer may lack the link before its asker gets a ticket. */
      ticketAfterMs: Ms(8_000),
      /** How long a turn waits for the center before it ends as expired. */
      waitingTtlMs: Ms(24 * HOUR, 1_000),
      maxWaiting: Type.Integer({ minimum: 1, default: 10_000, restart: true }),
      maxWaitingPerTenant: Type.Integer({ minimum: 1, default: 5_000, restart: true }),
      /** About how many bytes of messages may wait for their start in memory, and as many for the center. Of each bound tasks may fill 75 %, batches 50 %. */
      maxWaitingBytes: Type.Integer({ minimum: 65_536, default: 67_108_864, restart: true }),
      maxConcurrent: Type.Integer({ minimum: 1, default: 64, restart: true }),
      handlerMs: Ms(120_000, 100),
      /** Conversations of which the latest exchanges are remembered; one more, and the one that was quiet for longest is forgotten. */
      maxConversations: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 5_000, restart: true }),
      /** How long a turn that is over stays in the journal. */
      keepMs: Ms(72 * HOUR, 1_000),
      /** How long a message's id is remembered, so that its repetition is no second turn. Platforms repeat for up to 7.1 h: less is for tests. */
      dedupeMs: Ms(9 * HOUR, 1_000),
    }),
    replies: group({
      /** How long a reply that nobody could be given is kept. */
      keepMs: Ms(72 * HOUR, 1_000),
    }),
    uplink: group({
      windowBytes: Type.Integer({ minimum: 4_096, maximum: 1_048_576, default: 65_536, restart: true }),
      backoffBaseMs: Ms(500, 10),
      backoffMaxMs: Ms(30_000, 100),
    }),
  },
  { additionalProperties: false, $id: 'https://yizhan.dev/schema/edge.json' },
)

export type EdgeConfig = Static<typeof EdgeConfig>
export const edgeConfig = compileConfig(EdgeConfig)
