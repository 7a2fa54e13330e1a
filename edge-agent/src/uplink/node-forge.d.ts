/** The part of node-forge that this folder uses; the package brings no types of its own. Binary values are latin1 strings. */
declare module 'node-forge' {
  interface Asn1 {
    readonly tagClass: number
  }
  interface ByteBuffer {
    getBytes(): string
  }
  interface ForgeKey {
    readonly n: unknown
  }
  interface DistinguishedNamePart {
    readonly name: string
    readonly value: string
  }
  interface Digest {
    readonly algorithm: string
    update(bytes: string): unknown
  }
  interface Signer {
    sign(digest: Digest): string
  }
  interface SigningRequest {
    publicKey: ForgeKey
    setSubject(parts: readonly DistinguishedNamePart[]): void
    sign(key: Signer, digest: Digest): void
  }
  interface Certificate {
    publicKey: ForgeKey
    serialNumber: string
    readonly validity: { notBefore: Date; notAfter: Date }
    setSubject(parts: readonly DistinguishedNamePart[]): void
    setIssuer(parts: readonly DistinguishedNamePart[]): void
    setExtensions(extensions: readonly Readonly<Record<string, unknown>>[]): void
    sign(key: Signer, digest: Digest): void
  }

  const forge: {
    readonly asn1: { toDer(value: Asn1): ByteBuffer; fromDer(bytes: string): Asn1 }
    readonly md: { readonly sha256: { create(): Digest } }
    readonly pki: {
      createCertificationRequest(): SigningRequest
      createCertificate(): Certificate
      certificationRequestToAsn1(request: SigningRequest): Asn1
      certificationRequestFromAsn1(value: Asn1): SigningRequest & { verify(): boolean }
      certificateToAsn1(certificate: Certificate): Asn1
      publicKeyFromPem(pem: string): ForgeKey
      publicKeyToPem(key: ForgeKey): string
      privateKeyFromPem(pem: string): Signer
    }
  }
  export default forge
}
