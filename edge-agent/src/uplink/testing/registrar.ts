import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { type ServiceError, status } from '@grpc/grpc-js'
import {
  create,
  type EdgeIdentity,
  EdgeIdentitySchema,
  type Enrollment,
  type EnrollRequest,
  EnrollResponseSchema,
  type Handlers,
  RenewResponseSchema,
} from '@yizhan/proto'
import forge from 'node-forge'
import type { TestCa } from './ca.js'
import { Inbox } from './inbox.js'

export const TRUST_DOMAIN = 'test.yizhan'
export const EDGE_ID = 'bj-01'
const HOUR_MS = 3_600_000

export function failure(code: status, details: string): Partial<ServiceError> & Error {
  return Object.assign(new Error(details), { code, details })
}

/** For tests: hands out identities and signs, as a center does. */
export class TestRegistrar {
  readonly ca: TestCa
  readonly keyId = 'key-1'
  readonly secret = randomBytes(16).toString('base64url')
  readonly enrollments = new Inbox<EnrollRequest>()
  readonly renewals = new Inbox<X509Certificate>()
  /** Of certificates issued from now on. */
  life = { from: Date.now() - HOUR_MS, to: Date.now() + 2 * HOUR_MS }
  /** Enrolments that are carried out and whose answer is lost. */
  loseAnswers = 0
  readonly #signing = generateKeyPairSync('ed25519')
  readonly #issued = new Map<string, EdgeIdentity>()

  constructor(ca: TestCa) {
    this.ca = ca
  }

  get token(): string {
    return `yzj1.${this.secret}.${this.ca.pin.toString('base64url')}`
  }

  get signingKeys() {
    const spkiDer = Uint8Array.from(this.#signing.publicKey.export({ type: 'spki', format: 'der' }))
    return [{ $typeName: 'yizhan.v1.SigningKey' as const, keyId: this.keyId, spkiDer }]
  }

  get signingKey(): KeyObject {
    return this.#signing.privateKey
  }

  sign(context: string, payload: Uint8Array): Uint8Array {
    return Uint8Array.from(sign(null, Buffer.concat([Buffer.from(context), payload]), this.signingKey))
  }

  identityFor(publicKey: KeyObject, edgeId = EDGE_ID): EdgeIdentity {
    const certificate = this.ca.issue(publicKey, [`spiffe://${TRUST_DOMAIN}/edge/${edgeId}`], this.life)
    return create(EdgeIdentitySchema, {
      edgeId,
      trustDomain: TRUST_DOMAIN,
      certificateDer: Uint8Array.from(certificate.raw),
      caDer: [Uint8Array.from(this.ca.certificate.raw)],
      signingKeys: this.signingKeys,
    })
  }

  readonly handlers: Handlers<typeof Enrollment> = {
    enroll: ({ request }, callback) => {
      this.enrollments.put(request)
      const key = keyOf(request.csrDer)
      const spki = createHash('sha256')
        .update(key.export({ type: 'spki', format: 'der' }))
        .digest('hex')
      if (request.token !== this.secret || (this.#issued.size > 0 && !this.#issued.has(spki))) {
        callback(failure(status.PERMISSION_DENIED, 'the token is not valid'))
        return
      }
      const identity = this.#issued.get(spki) ?? this.identityFor(key)
      this.#issued.set(spki, identity)
      this.loseAnswers -= 1
      if (this.loseAnswers >= 0) callback(failure(status.UNAVAILABLE, 'the answer is lost'))
      else callback(null, create(EnrollResponseSchema, { identity }))
    },
    renew: ({ request }, callback) => {
      const identity = this.identityFor(keyOf(request.csrDer))
      callback(null, create(RenewResponseSchema, { identity }))
      this.renewals.put(new X509Certificate(identity.certificateDer))
    },
  }
}

function keyOf(csrDer: Uint8Array): KeyObject {
  const der = Buffer.from(csrDer).toString('latin1')
  const request = forge.pki.certificationRequestFromAsn1(forge.asn1.fromDer(der))
  if (!request.verify()) throw new Error('the signature of the request is wrong')
  return createPublicKey(forge.pki.publicKeyToPem(request.publicKey))
}
