import { type Static, Type } from '@sinclair/typebox'

const whole = (fallback: number, minimum: number, maximum: number) =>
  Type.Integer({ minimum, maximum, default: fallback, restart: true })

/** Settings of the OpenAI-compatible front. */
export const frontConfigSchema = Type.Object(
  {
    /** Without a port there is no front; 0 = any free one. */
    port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, restart: true })),
    /** Beyond this machine it speaks TLS. */
    host: Type.String({ minLength: 1, default: '127.0.0.1', restart: true }),
    tls: Type.Object(
      {
        /** Default: TLS unless `host` is a loopback address. `off` elsewhere: a proxy in front of it ends TLS. */
        mode: Type.Optional(Type.Union([Type.Literal('on'), Type.Literal('off')], { restart: true })),
        /** PEM, read at the start; default: the certificate of the listeners for edges, of the center's own CA. */
        certFile: Type.Optional(Type.String({ minLength: 1, restart: true })),
        keyFile: Type.Optional(Type.String({ minLength: 1, restart: true })),
      },
      { additionalProperties: false, default: {} },
    ),
    /** Largest request; images come in it as base64. */
    maxBodyBytes: whole(8 * 1024 * 1024, 1_024, 256 * 1024 * 1024),
    maxConnections: whole(4_096, 1, 1_000_000),
    /** Longest time from request to end, the queue included. */
    requestTimeoutMs: whole(10 * 60_000, 1_000, 24 * 3_600_000),
  },
  { additionalProperties: false },
)

export type FrontConfig = Static<typeof frontConfigSchema>
