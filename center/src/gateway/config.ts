import { type Static, Type } from '@sinclair/typebox'

const port = (fallback: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: fallback })
const ms = (fallback: number, minimum = 1) =>
  Type.Integer({ minimum, maximum: 7 * 24 * 3_600_000, default: fallback })
const count = (fallback: number, maximum: number) => Type.Integer({ minimum: 1, maximum, default: fallback })

/** Settings of the two listeners that edges reach. Ports may be 0: any free one. All need a restart. */
export const gatewayConfigSchema = Type.Object(
  {
    /** Address of both listeners. */
    host: Type.String({ minLength: 1, default: '127.0.0.1' }),
    /** mTLS: Link, Inference, Bundles, Enrollment.Renew. */
    linkPort: port(7443),
    /** Server-auth TLS: Enrollment.Enroll alone. */
    enrollPort: port(7444),
    /** How often an edge sends a heartbeat; its link ends when three are missing. */
    heartbeatMs: ms(10_000, 100),
    /** How long a new stream may take to say Hello. */
    helloMs: ms(10_000),
    /** After a loss, edges come back at a random moment within this. */
    reconnectSpreadMs: ms(10_000),
    /** How long edges get to leave after a Drain, before their streams are ended. */
    drainMs: ms(2_000),
    /** HTTP/2 pings to silent peers: after this long, and how long the answer may take. Together at most 45 s. */
    keepaliveMs: ms(15_000, 1_000),
    keepaliveTimeoutMs: ms(10_000, 1_000),
    /** A link this old (less up to 10 %, at random) is asked to come back on a new connection. */
    maxConnectionAgeMs: ms(4 * 3_600_000, 60_000),
    /** Requests of one edge that may run or wait at once. */
    maxInFlight: count(64, 10_000),
    /** Most bytes of text that may be unacknowledged for one request, whatever the edge grants. */
    maxWindowBytes: Type.Integer({ minimum: 1_024, maximum: 1_048_576, default: 65_536 }),
    /** Bundle transfers of one edge at once. */
    maxFetches: count(4, 64),
    /**
     * What one connection may send besides messages (pings, resets, headers) before it is closed as a flood: at once,
     * and then per second. A ping is some 20 bytes.
     */
    overheadBurstBytes: Type.Integer({ minimum: 16_384, maximum: 1_073_741_824, default: 1_048_576 }),
    overheadBytesPerSecond: Type.Integer({ minimum: 1_024, maximum: 1_073_741_824, default: 32_768 }),
    /** TCP connections to each listener. */
    maxConnections: count(4_096, 1_000_000),
    /** Enrolments that one address may try in a minute. */
    enrollPerMinute: count(30, 10_000),
  },
  { additionalProperties: false },
)

export type GatewayConfig = Static<typeof gatewayConfigSchema>
