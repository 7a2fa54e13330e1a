export interface MqttLimits {
  /** Bytes that a connection may send before it is let in. Default 16 KiB. */
  readonly maxBytesBeforeLogin: number
  /** Bytes of one packet; more closes the connection. Default 256 KiB. */
  readonly maxPacketBytes: number
  /** Bytes of one message; more is refused by name. Default 64 KiB. */
  readonly maxPayloadBytes: number
  /** Bytes of one reply. Default 256 KiB. */
  readonly maxReplyBytes: number
  /** From the connection to its CONNECT packet. Default 10 s. */
  readonly connectMs: number
  /** From a reply to its PUBACK; past it the connection is taken for dead. Default 30 s. */
  readonly ackMs: number
  /** How long a full send buffer may stay full before the connection is closed. Default 30 s. */
  readonly drainMs: number
  /** Bytes waiting to be sent past which deltas are left out. Default 64 KiB. */
  readonly maxBacklogBytes: number
  /** Replies of one client that await their PUBACK. Default 256. */
  readonly maxInFlight: number
  /** Between two looks at the tickets that wait. Default 1 s. */
  readonly ticketsEveryMs: number
  /** Filters of one client. Default 100. */
  readonly maxFilters: number
  /** Connections, logged in or not. Default 4,096. */
  readonly maxConnections: number
  /** How long a client id stays bound to who used it last. Default 24 h. */
  readonly clientIdKeepMs: number
  /** Client ids remembered. Default 10,000. */
  readonly maxClientIds: number
  /** Conversations remembered as waiting for a subscriber. Default 100,000. */
  readonly maxWaiting: number
}

export const MQTT_LIMITS: MqttLimits = {
  maxBytesBeforeLogin: 16_384,
  maxPacketBytes: 262_144,
  maxPayloadBytes: 65_536,
  maxReplyBytes: 262_144,
  connectMs: 10_000,
  ackMs: 30_000,
  drainMs: 30_000,
  maxBacklogBytes: 65_536,
  maxInFlight: 256,
  ticketsEveryMs: 1_000,
  maxFilters: 100,
  maxConnections: 4_096,
  clientIdKeepMs: 24 * 3_600_000,
  maxClientIds: 10_000,
  maxWaiting: 100_000,
}
