import { YizhanError } from '../errors.js'

/** One DER element inside the bytes that it was read from. */
export interface DerNode {
  readonly tag: number
  /** Where the tag is. */
  readonly start: number
  /** Where the content begins. */
  readonly content: number
  /** One past the content. */
  readonly end: number
}

const MAX_BYTES = 16 * 1024
const MAX_DEPTH = 16
const CONSTRUCTED = 0x20

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  octetString: 0x04,
  objectId: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const

/** What every refusal of a certificate becomes; `why` is about its form, never a quotation from it. */
export function refuseCertificate(why: string): YizhanError {
  return new YizhanError('unauthenticated', `the certificate is refused: ${why}`)
}

/**
 * The one element that `der` holds, with every length inside it checked: definite, minimal, within its parent, at
 * most 16 levels and 16 KiB. Throws `unauthenticated`.
 */
export function readDer(der: Uint8Array): DerNode {
  if (der.length > MAX_BYTES) throw refuseCertificate('it is larger than 16 KiB')
  const root = readNode(der, 0, der.length)
  if (root.end !== der.length) throw refuseCertificate('bytes follow its end')
  checkInside(der, root, 1)
  return root
}

function checkInside(der: Uint8Array, node: DerNode, depth: number): void {
  if ((node.tag & CONSTRUCTED) === 0) return
  if (depth > MAX_DEPTH) throw refuseCertificate('it is nested too deeply')
  for (const child of childrenOf(der, node)) checkInside(der, child, depth + 1)
}

/** The elements inside a constructed one. */
export function childrenOf(der: Uint8Array, node: DerNode): DerNode[] {
  const children: DerNode[] = []
  for (let at = node.content; at < node.end; ) {
    const child = readNode(der, at, node.end)
    children.push(child)
    at = child.end
  }
  return children
}

function readNode(der: Uint8Array, start: number, limit: number): DerNode {
  const tag = byteAt(der, start, limit)
  if ((tag & 0x1f) === 0x1f) throw refuseCertificate('it has a tag of several bytes')
  if (tag === 0) throw refuseCertificate('it has an end-of-contents tag')
  const first = byteAt(der, start + 1, limit)
  let content = start + 2
  let length = first
  if (first >= 0x80) {
    const count = first & 0x7f
    // 0x80 is BER's indefinite length; three bytes already exceed the size limit.
    if (count === 0 || count > 2) throw refuseCertificate('a length is indefinite or too large')
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + byteAt(der, content++, limit)
    if (length < 0x80 || (count === 2 && length < 0x100)) throw refuseCertificate('a length is not minimal')
  }
  const end = content + length
  if (end > limit) throw refuseCertificate('a length reaches past its end')
  return { tag, start, content, end }
}

function byteAt(der: Uint8Array, at: number, limit: number): number {
  const byte = at < limit ? der[at] : undefined
  if (byte === undefined) throw refuseCertificate('it is cut short')
  return byte
}
