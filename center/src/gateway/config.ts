import { type Static, Type } from '@sinclair/typebox'

const DAY = 24 * 3_600_000

/** A whole number; every setting of the listeners takes effect with a restart. */
const whole = (fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, default: fallback, restart: true })
const port = (fallback: number) => whole(fallback, 0, 65_535)
const ms = (fallback: number, minimum = 1) => whole(fallback, minimum, 7 * DAY)

/** Settings of the two listeners that edges reach. Ports may be 0: any free one. */
export const gatewayConfigSchema = Type.Object(
  {
    /** Address of both listeners. */
    host: Type.String({ minLength: 1, default: '0.0.0.0', restart: true }),
    /** mTLS: Link, Inference, Ledger, Bundles, Enrollment.Renew. */
    linkPort: port(7443),
    /** Server-auth TLS: Enrollment.Enroll alone. */
    enrollPort: port(7444),
    /** How often an edge sends a heartbeat; its link ends when three are missing. */
    heartbeatMs: ms(10_000, 100),
    /** How long a new stream may take to say Hello. */
    helloMs: ms(10_000),
    /** After a loss, edges come back at a random moment: within 10 ms for each edge of the fleet, at most within this. */
    reconnectSpreadMs: ms(10_000),
    /** How long edges get to leave after a Drain, before their streams are ended. */
    drainMs: ms(2_000),
    /** HTTP/2 pings to every connection: how often, and how long the answer may take. Together at most 45 s. */
    keepaliveMs: ms(15_000, 1_000),
    keepaliveTimeoutMs: ms(10_000, 1_000),
    /** A link this old (less up to 10 %, at random) is asked to come back on a new connection. */
    maxConnectionAgeMs: ms(DAY, 60_000),
    /** Requests of one edge that may run or wait at once. */
    maxInFlight: whole(64, 1, 10_000),
    /** Bytes of uploads that one edge may have unacknowledged; 8 KiB while its round trip is slow or not known. */
    uploadWindowBytes: whole(65_536, 8_192, 1_048_576),
    /** Bundle transfers of one edge at once. */
    maxFetches: whole(4, 1, 64),
    /**
     * What one connection may send besides messages (pings, resets, headers) before it is closed as a flood: at once,
     * and then per second. A ping is some 20 bytes.
     */
    overheadBurstBytes: whole(1_048_576, 16_384, 1_073_741_824),
    overheadBytesPerSecond: whole(32_768, 1_024, 1_073_741_824),
    /** TCP connections to each listener. */
    maxConnections: whole(4_096, 1, 1_000_000),
    /** Of them those in their handshake, to the first message; more are reset at once and come back later. */
    maxNewConnections: whole(32, 1, 100_000),
  },
  { additionalProperties: false },
)

export type GatewayConfig = Static<typeof gatewayConfigSchema>
