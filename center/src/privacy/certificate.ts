import { createPublicKey, sign, verify } from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { canonicalJson, parseJson, type TenantId } from '@yizhan/kernel'
import type { Signer } from '../fleet/index.js'
import type { Erasure } from './erasure-record.js'

const Time = Type.String({ description: 'ISO 8601' })

const CertificateSchema = Type.Object({
  format: Type.Literal(1),
  tenant: Type.String(),
  subject: Type.String(),
  erasure: Type.String(),
  state: Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('held')]),
  requestedAt: Time,
  /** From then on nobody can open what the person's key sealed. */
  keyDestroyedAt: Type.Optional(Time),
  finishedAt: Type.Optional(Time),
  /** Of this issue: grows with every place that closes. */
  revision: Type.Number(),
  issuedAt: Time,
  places: Type.Array(
    Type.Object({
      place: Type.String(),
      what: Type.String(),
      state: Type.Union([
        Type.Literal('done'),
        Type.Literal('pending'),
        Type.Literal('closed-by-lease'),
        Type.Literal('restricted'),
      ]),
      count: Type.Optional(Type.Number()),
      at: Type.Optional(Time),
      until: Type.Optional(Time),
      note: Type.Optional(Type.String()),
    }),
  ),
  /** Until when copies made before the erasure may exist. */
  horizon: Type.Object({ until: Type.Optional(Time), note: Type.String() }),
})

export type Certificate = Static<typeof CertificateSchema>
type Place = Certificate['places'][number]

const SignedSchema = Type.Object({
  algorithm: Type.Literal('Ed25519'),
  keyId: Type.String(),
  /** Canonical JSON of the certificate; the signature is over `yizhan-erasure-certificate-v1`, a newline and these bytes. */
  payload: Type.String({ maxLength: 4 * 1024 * 1024 }),
  /** Base64. */
  signature: Type.String(),
})

export type SignedCertificate = Static<typeof SignedSchema>

const CONTEXT = 'yizhan-erasure-certificate-v1\n'
const HORIZON_NOTE =
  'Backups made before the erasure hold sealed records without their key; a restore replays the erasure log. A copy of the key store made before it still holds the key until the copy is made anew.'

/** The same erasure at the same version gives the same bytes. */
export function certify(tenant: TenantId, erasure: Erasure, signer: Signer): SignedCertificate {
  const payload = canonicalJson(certificateOf(tenant, erasure))
  const { keyId, privateKey } = signer.current
  const signature = sign(null, Buffer.from(CONTEXT + payload), privateKey).toString('base64')
  return { algorithm: 'Ed25519', keyId, payload, signature }
}

export type CertificateCheck =
  | { readonly s: 'valid'; readonly certificate: Certificate }
  | { readonly s: 'altered' }
  | { readonly s: 'unknown-key'; readonly keyId: string }
  | { readonly s: 'malformed' }

/** Holds any value against the form and the signature of a certificate. */
export function checkCertificate(value: unknown, keys: Signer['publicKeys']): CertificateCheck {
  if (!Value.Check(SignedSchema, value)) return { s: 'malformed' }
  const key = keys.find(({ keyId }) => keyId === value.keyId)
  if (!key) return { s: 'unknown-key', keyId: value.keyId.slice(0, 64) }
  const publicKey = createPublicKey({ key: Buffer.from(key.spkiDer), format: 'der', type: 'spki' })
  const signature = Buffer.from(value.signature, 'base64')
  if (!verify(null, Buffer.from(CONTEXT + value.payload), publicKey, signature)) return { s: 'altered' }
  const certificate: unknown = parseJson(value.payload)
  return Value.Check(CertificateSchema, certificate) ? { s: 'valid', certificate } : { s: 'malformed' }
}

function certificateOf(tenant: TenantId, erasure: Erasure): Certificate {
  const { id, state, subjects, requestedAt, keys, finishedAt, version, updatedAt, horizonUntil } = erasure
  return {
    format: 1,
    tenant,
    subject: subjects[0] ?? '',
    erasure: id,
    state: state === 'closed' || state === 'held' ? state : 'open',
    requestedAt: iso(requestedAt),
    ...(keys === undefined ? {} : { keyDestroyedAt: iso(keys.at) }),
    ...(finishedAt === undefined ? {} : { finishedAt: iso(finishedAt) }),
    revision: version,
    issuedAt: iso(updatedAt),
    places: placesOf(erasure),
    horizon: {
      ...(horizonUntil === undefined ? {} : { until: iso(horizonUntil) }),
      note: HORIZON_NOTE,
    },
  }
}

const REACHED_DELETED: ReadonlySet<Erasure['state']> = new Set(['deleted', 'waiting', 'closed'])

function placesOf(erasure: Erasure): Place[] {
  const { keys, records, places, edges, auditUntil, steps, state } = erasure
  if (state === 'held') {
    return [{ place: 'center', what: 'everything', state: 'pending', note: `legal hold ${erasure.hold}` }]
  }
  const deletedAt = steps.find((step) => step.state === 'deleted')?.at
  const deleted = REACHED_DELETED.has(state)
  const keyStore: Place = {
    place: 'key store',
    what: 'the person’s keys',
    state: keys ? 'done' : 'pending',
    ...(keys ? { count: keys.had, at: iso(keys.at) } : {}),
  }
  const inStore = Object.entries(records).map(
    ([collection, count]): Place => ({
      place: 'store',
      what: collection,
      state: deleted ? 'done' : 'pending',
      count,
      ...(deletedAt === undefined ? {} : { at: iso(deletedAt) }),
    }),
  )
  const derived = places.map(
    (place): Place => ({
      place: 'derived',
      what: place.dataClass,
      state: place.state,
      count: place.erased,
      ...(place.at === undefined ? {} : { at: iso(place.at) }),
      ...(place.until === undefined ? {} : { until: iso(place.until) }),
      ...(place.why === undefined ? {} : { note: place.why }),
    }),
  )
  const atEdges = edges.map(
    (edge): Place => ({
      place: `edge ${edge.edge}`,
      what: 'turns, memory, consents, caches',
      state: edge.state,
      ...(edge.at === undefined ? {} : { at: iso(edge.at) }),
      ...(edge.detail === undefined ? {} : { note: edge.detail }),
    }),
  )
  const audit: Place = {
    place: 'audit',
    what: 'entries with ids only; snapshots are emptied with the key',
    state: 'restricted',
    until: iso(auditUntil),
  }
  return [keyStore, ...inStore, ...derived, ...atEdges, audit]
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
