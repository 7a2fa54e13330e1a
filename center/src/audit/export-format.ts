import { createHash, type KeyObject, sign, verify } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { canonicalJson } from '@yizhan/kernel'
import type { Signer } from '../fleet/index.js'
import { AnchorSchema } from './anchor.js'

const Closed = { additionalProperties: false } as const
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Count = Type.Integer({ minimum: 0 })

/** First line: what the file is. */
export const ExportStart = Type.Object(
  {
    export: Type.Object(
      {
        v: Type.Literal(1),
        tenant: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
        /** Some entries were left out: those that did not match. */
        filtered: Type.Boolean(),
        /** ISO 8601. */
        time: Type.String(),
      },
      Closed,
    ),
    line: Digest,
  },
  Closed,
)

/** A line for each entry; what is shown of it stands beside. */
export const ExportEntry = Type.Object({
  tenant: Type.String(),
  sequence: Type.Integer({ minimum: 1 }),
  hash: Digest,
  /** The entry as it is stored and chained; base64. */
  sealed: Type.String(),
  /** Hex SHA-256 over the same of the line before ('' for the first) and this line's canonical JSON without this field. */
  line: Digest,
})

/** Last line: until it is there the file is not whole. */
export const ExportEnd = Type.Object(
  {
    end: Type.Object(
      {
        v: Type.Literal(1),
        tenant: Type.String(),
        entries: Count,
        /** `line` of the line before: stands for the whole file. */
        digest: Digest,
        /** The signed head when the export began; missing if nothing was ever written. */
        head: Type.Optional(AnchorSchema),
        time: Type.String(),
        keyId: Type.String({ maxLength: 64 }),
        /** SubjectPublicKeyInfo, DER in base64: compare its id with the center's. */
        publicKey: Type.String({ maxLength: 500 }),
        /** Ed25519 over `yizhan-audit-export-v1`, a newline and the canonical JSON of the other fields; base64. */
        signature: Type.String({ maxLength: 100 }),
      },
      Closed,
    ),
  },
  Closed,
)
export type ExportEnd = Static<typeof ExportEnd>

const CONTEXT = 'yizhan-audit-export-v1\n'

export function lineDigest(previous: string, value: object): string {
  return createHash('sha256').update(previous).update(canonicalJson(value)).digest('hex')
}

export function signEnd(
  signer: Signer,
  about: Omit<ExportEnd['end'], 'v' | 'keyId' | 'publicKey' | 'signature'>,
): ExportEnd {
  const { keyId, privateKey } = signer.current
  const key = signer.publicKeys.find((one) => one.keyId === keyId)
  const publicKey = Buffer.from(key?.spkiDer ?? []).toString('base64')
  const body = { v: 1 as const, ...about, keyId, publicKey }
  return { end: { ...body, signature: sign(null, signed(body), privateKey).toString('base64') } }
}

export function isSignedBy({ signature, ...body }: ExportEnd['end'], key: KeyObject): boolean {
  return verify(null, signed(body), key, Buffer.from(signature, 'base64'))
}

function signed(body: object): Buffer {
  return Buffer.from(CONTEXT + canonicalJson(body))
}
