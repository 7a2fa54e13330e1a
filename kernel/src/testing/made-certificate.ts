/** For tests: DER written by hand, so that a certificate can be wrong in any way that a test wants. */
export function der(tag: number, ...parts: (Uint8Array | readonly number[])[]): Uint8Array {
  const content = Buffer.concat(parts.map((part) => Uint8Array.from(part)))
  return Buffer.concat([Uint8Array.of(tag), derLength(content.length), content])
}

function derLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length)
  if (length < 0x100) return Uint8Array.of(0x81, length)
  if (length < 0x10000) return Uint8Array.of(0x82, length >> 8, length & 0xff)
  return Uint8Array.of(0x83, length >> 16, (length >> 8) & 0xff, length & 0xff)
}

const text = (value: string) => Buffer.from(value, 'latin1')

export const uriName = (value: string) => der(0x86, text(value))
export const dnsName = (value: string) => der(0x82, text(value))
export const addressName = (...bytes: number[]) => der(0x87, bytes)
export const mailName = (value: string) => der(0x81, text(value))

/** A SubjectAltName extension with these names. */
export function altNames(...names: Uint8Array[]): Uint8Array {
  return der(0x30, der(0x06, [0x55, 0x1d, 0x11]), der(0x04, der(0x30, ...names)))
}

export const notACa = der(0x30, der(0x06, [0x55, 0x1d, 0x13]), der(0x01, [0xff]), der(0x04, der(0x30)))

export interface CertificateWishes {
  readonly version?: Uint8Array
  readonly serial?: Uint8Array
  readonly notBefore?: Uint8Array
  readonly notAfter?: Uint8Array
  readonly extensions?: readonly Uint8Array[]
  readonly tail?: readonly Uint8Array[]
}

export const utc = (value: string) => der(0x17, text(value))
export const generalized = (value: string) => der(0x18, text(value))

/** A whole certificate of the right form; its signature is noise. */
export function certificate(wishes: CertificateWishes = {}): Uint8Array {
  const algorithm = der(0x30, der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))
  const commonName = der(0x31, der(0x30, der(0x06, [0x55, 0x04, 0x03]), der(0x0c, text('yizhan'))))
  const spki = der(0x30, algorithm, der(0x03, [0, 4, 1, 2, 3, 4]))
  const body = der(
    0x30,
    wishes.version ?? der(0xa0, der(0x02, [2])),
    wishes.serial ?? der(0x02, [0x00, 0x9a, 0x01]),
    algorithm,
    der(0x30, commonName),
    der(0x30, wishes.notBefore ?? utc('260101000000Z'), wishes.notAfter ?? utc('270101000000Z')),
    der(0x30, commonName),
    spki,
    ...(wishes.tail ?? [
      der(
        0xa3,
        der(0x30, ...(wishes.extensions ?? [notACa, altNames(uriName('spiffe://yizhan/edge/bj-01'))])),
      ),
    ]),
  )
  return der(0x30, body, algorithm, der(0x03, [0, 1, 2, 3]))
}
