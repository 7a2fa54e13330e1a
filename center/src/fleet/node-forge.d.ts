// The parts of node-forge that build certificates; the package has no types of its own.
declare module 'node-forge' {
  export interface Asn1 {
    readonly tagClass: number
    readonly type: number
    readonly constructed: boolean
    value: string | Asn1[]
  }
  export interface ByteBuffer {
    getBytes(): string
    toHex(): string
  }
  export interface Attribute {
    readonly shortName?: string
    readonly name?: string
    readonly type?: string
    readonly value: string
  }
  export interface PublicKey {
    readonly n: unknown
    readonly e: unknown
  }
  export interface Certificate {
    publicKey: PublicKey
    serialNumber: string
    validity: { notBefore: Date; notAfter: Date }
    signatureOid: string
    siginfo: { algorithmOid: string }
    signature: string
    tbsCertificate: Asn1
    readonly subject: { readonly attributes: Attribute[] }
    setSubject(attributes: Attribute[]): void
    setIssuer(attributes: Attribute[]): void
    setExtensions(extensions: Record<string, unknown>[]): void
    generateSubjectKeyIdentifier(): ByteBuffer
  }
  const forge: {
    readonly asn1: {
      readonly Class: { readonly UNIVERSAL: number; readonly CONTEXT_SPECIFIC: number }
      readonly Type: {
        readonly BITSTRING: number
        readonly OCTETSTRING: number
        readonly OID: number
        readonly SEQUENCE: number
      }
      fromDer(
        bytes: string,
        options?: { strict?: boolean; parseAllBytes?: boolean; decodeBitStrings?: boolean },
      ): Asn1
      toDer(value: Asn1): ByteBuffer
      derToOid(bytes: string): string
    }
    readonly pki: {
      readonly oids: Readonly<Record<string, string>>
      createCertificate(): Certificate
      certificateFromAsn1(value: Asn1): Certificate
      certificateToAsn1(certificate: Certificate): Asn1
      getTBSCertificate(certificate: Certificate): Asn1
      publicKeyFromAsn1(value: Asn1): PublicKey
    }
  }
  export default forge
}
