import { canonicalJson, parseJson } from '@yizhan/kernel'

/** What stood there, or stands there now: its JSON if that gives the same bytes again, else its bytes. */
export type Snapshot = { readonly json: unknown } | { readonly base64: string }

export function snapshotOf(bytes: Uint8Array): Snapshot {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  try {
    const json = parseJson(text)
    // A number that is too long, or a key that stands twice, would come out as another one.
    if (JSON.stringify(json) === text || canonicalJson(json) === text) return { json }
  } catch {
    // Falls through: not JSON.
  }
  return { base64: buffer.toString('base64') }
}

/** As one cell of a table. */
export function snapshotText(snapshot: Snapshot): string {
  return 'json' in snapshot ? JSON.stringify(snapshot.json) : `base64:${snapshot.base64}`
}
