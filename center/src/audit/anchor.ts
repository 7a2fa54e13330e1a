import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { canonicalJson, parseJson, type TenantId } from '@yizhan/kernel'
import type { Signer } from '../fleet/index.js'

export const AnchorSchema = Type.Object(
  {
    v: Type.Literal(1),
    tenant: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }),
    /** Of the last entry at that time. */
    sequence: Type.Integer({ minimum: 1 }),
    /** Its hash, which covers every entry before it. */
    hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    /** ISO 8601. */
    time: Type.String({ maxLength: 40 }),
    keyId: Type.String({ maxLength: 64 }),
    /** Ed25519 over `yizhan-audit-anchor-v1`, a newline and the canonical JSON of the other fields; base64. */
    signature: Type.String({ maxLength: 100 }),
  },
  { additionalProperties: false },
)

/** The signed head of a tenant's audit: whoever keeps it elsewhere can tell later that nothing before it was changed. */
export type SignedAnchor = Static<typeof AnchorSchema>

/** Public keys by their id. */
export type AnchorKeys = ReadonlyMap<string, KeyObject>

const CONTEXT = 'yizhan-audit-anchor-v1\n'

export function signAnchor(
  signer: Pick<Signer, 'current'>,
  tenant: TenantId,
  head: { readonly sequence: number; readonly hash: string },
  timeMs: number,
): SignedAnchor {
  const { keyId, privateKey } = signer.current
  const time = new Date(timeMs).toISOString()
  const body = { v: 1 as const, tenant, sequence: head.sequence, hash: head.hash, time, keyId }
  return { ...body, signature: sign(null, signed(body), privateKey).toString('base64') }
}

export function anchorKeys(keys: Signer['publicKeys']): AnchorKeys {
  return new Map(
    keys.map(({ keyId, spkiDer }) => [
      keyId,
      createPublicKey({ key: Buffer.from(spkiDer), format: 'der', type: 'spki' }),
    ]),
  )
}

export type AnchorCheck = 'valid' | 'altered' | 'unknown-key'

export function checkAnchor({ signature, ...body }: SignedAnchor, keys: AnchorKeys): AnchorCheck {
  const key = keys.get(body.keyId)
  if (!key) return 'unknown-key'
  return verify(null, signed(body), key, Buffer.from(signature, 'base64')) ? 'valid' : 'altered'
}

/** As it goes to files and logs: one line of JSON. */
export function anchorLine(anchor: SignedAnchor): string {
  return canonicalJson(anchor)
}

/** The anchor in a line, whatever a log puts in front of it; undefined if there is none. */
export function anchorInLine(line: string): SignedAnchor | undefined {
  const at = line.indexOf('{')
  if (at === -1 || line.length > MAX_LINE) return undefined
  try {
    const value = parseJson(line.slice(at))
    return Value.Check(AnchorSchema, value) ? value : undefined
  } catch {
    return undefined
  }
}

const MAX_LINE = 8_192

function signed(body: Omit<SignedAnchor, 'signature'>): Buffer {
  return Buffer.from(CONTEXT + canonicalJson(body))
}
