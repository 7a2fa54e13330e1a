import { type Static, Type } from '@sinclair/typebox'

const Closed = { additionalProperties: false } as const
const Port = Type.Integer({ minimum: 1, maximum: 65_535 })

const FileTarget = Type.Object({ file: Type.String({ minLength: 1 }) }, Closed)

const SyslogTarget = Type.Object(
  {
    syslog: Type.Object(
      {
        host: Type.String({ minLength: 1 }),
        /** 514 for UDP and TCP, 6514 for TLS are common. */
        port: Port,
        /** Default udp, which tells nobody whether it arrived. */
        transport: Type.Optional(Type.Union([Type.Literal('udp'), Type.Literal('tcp'), Type.Literal('tls')])),
        /** 0–23; default 13 (log audit). */
        facility: Type.Optional(Type.Integer({ minimum: 0, maximum: 23 })),
        /** `tls`: PEM file of the CA to trust in place of the system's. */
        caFile: Type.Optional(Type.String({ minLength: 1 })),
      },
      Closed,
    ),
  },
  Closed,
)

const WebhookTarget = Type.Object(
  {
    webhook: Type.Object(
      {
        url: Type.String({ pattern: '^https?://', maxLength: 2_000 }),
        /** File with the secret that requests are signed with, at least 16 bytes. */
        secretFile: Type.String({ minLength: 1 }),
      },
      Closed,
    ),
  },
  Closed,
)

/** Settings of `audit`. */
export const auditConfigSchema = Type.Object(
  {
    anchor: Type.Object(
      {
        /** A new signed head after so many entries of a tenant, … */
        entries: Type.Integer({ minimum: 1, default: 1_000, restart: true }),
        /** … or when the last one is so old and something came since. */
        everyMs: Type.Integer({ minimum: 1_000, default: 15 * 60_000, restart: true }),
        /** Where they go. Without a place off this machine an attacker with its keys can rewrite everything. */
        to: Type.Array(Type.Union([FileTarget, SyslogTarget, WebhookTarget]), {
          default: [],
          maxItems: 8,
          restart: true,
        }),
      },
      { additionalProperties: false, default: {} },
    ),
  },
  { additionalProperties: false, default: {} },
)

export type AuditConfig = Static<typeof auditConfigSchema>
export type AnchorConfig = AuditConfig['anchor']
export type AnchorTargetConfig = AnchorConfig['to'][number]
export type SyslogConfig = Static<typeof SyslogTarget>['syslog']
export type WebhookConfig = Static<typeof WebhookTarget>['webhook']
