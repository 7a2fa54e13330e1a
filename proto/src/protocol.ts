/** The protocol integer that this build speaks; raised with every change that an older build cannot ignore. */
export const PROTOCOL = 1
/** The oldest protocol that this build still speaks (N−1). */
export const OLDEST_PROTOCOL = 1
/** Largest message on the wire, in bytes, both ways; larger ones are refused before they are parsed. */
export const MAX_MESSAGE_BYTES = 256 * 1024

/** grpc-js channel and server options that both ends set alike. */
export const WIRE_LIMITS = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc.default_compression_algorithm': 0,
} as const

/** Trailing metadata with which the center says what a status alone does not: our code, and when to try again. */
export const ERROR_METADATA = {
  code: 'yizhan-code',
  retryable: 'yizhan-retryable',
  retryAfterMs: 'yizhan-retry-after-ms',
} as const
