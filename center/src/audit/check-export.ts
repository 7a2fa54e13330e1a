import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { parseJson } from '@yizhan/kernel'
import { keyIdOf } from '../fleet/index.js'
import { type AnchorKeys, checkAnchor, type SignedAnchor } from './anchor.js'
import { type AuditBreach, type AuditWhole, ChainWalk, type Witness } from './chain-walk.js'
import { ExportEnd, ExportEntry, ExportStart, isSignedBy, lineDigest } from './export-format.js'

/** What is wrong with the file itself; lines count from 1. */
export interface FileBreach {
  readonly s: 'bad-file'
  readonly line: number
  /** Of the entry in that line, if it has one. */
  readonly sequence?: number
  /**
   * `malformed`: no line of an export. `edited`: the line, or the place that it stands at, was changed. `cut_off`: the signed
   * end is missing. `signature`, `other_key`: the end is not signed, or by a key that is not the expected one.
   */
  readonly what: 'malformed' | 'edited' | 'cut_off' | 'signature' | 'other_key'
  readonly expected?: string
  readonly found?: string
}

export interface ExportWhole extends AuditWhole {
  readonly tenant: string
  /** ISO 8601. */
  readonly time: string
  readonly filtered: boolean
  /** Who signed it: to be compared with the center's. */
  readonly keyId: string
}

export type ExportVerdict = ExportWhole | AuditBreach | FileBreach

export interface ExportCheckOptions {
  /** Kept elsewhere; those of other tenants are passed over. */
  readonly anchors: readonly SignedAnchor[]
  /** The center's public key; default the one in the file, which proves nothing by itself. */
  readonly publicKey?: KeyObject
}

/**
 * Verifies what `exportJsonl` wrote, without the center: every line, the chain over what is sealed, the anchors, and the
 * signed end. What is shown of an entry is the center's word, held by its signature. One line is held at a time.
 */
export async function checkExport(
  lines: AsyncIterable<string>,
  { anchors, publicKey }: ExportCheckOptions,
): Promise<ExportVerdict> {
  let number = 0
  let digest = ''
  let entries = 0
  let start: Static<typeof ExportStart>['export'] | undefined
  let walk: ChainWalk | undefined
  let end: ExportEnd['end'] | undefined
  const bad = (what: FileBreach['what'], more: Partial<FileBreach> = {}): FileBreach => {
    return { s: 'bad-file', line: number, what, ...more }
  }
  for await (const text of lines) {
    number += 1
    const value = mapIn(text)
    if (!value || end) return bad('malformed')
    if ('end' in value) {
      if (!start || !Value.Check(ExportEnd, value)) return bad('malformed')
      end = value.end
      continue
    }
    const { line, ...rest } = value
    const sequence = typeof value.sequence === 'number' ? { sequence: value.sequence } : {}
    const expected = lineDigest(digest, rest)
    if (line !== expected) return bad('edited', { ...sequence, expected, found: String(line).slice(0, 64) })
    digest = expected
    if (!start) {
      if (!Value.Check(ExportStart, value)) return bad('malformed')
      start = value.export
      walk = walkOf(start, anchors)
      continue
    }
    if (!Value.Check(ExportEntry, value) || value.tenant !== start.tenant) return bad('malformed', sequence)
    entries += 1
    const breach = await entryBreach(walk, value)
    if (breach) return breach
  }
  if (!start || !end || !walk) return { ...bad('cut_off'), line: number + 1 }
  const about = endProblem(end, publicKey)
  if (about) return bad(about.what, about)
  if (end.digest !== digest || end.entries !== entries || end.tenant !== start.tenant) {
    return bad('edited', { expected: end.digest, found: digest })
  }
  const verdict = await walk.end()
  if (verdict.s === 'broken') return verdict
  const { head, time, keyId } = end
  if (head && !start.filtered && (head.sequence !== verdict.last || head.hash !== verdict.hash)) {
    return {
      s: 'broken',
      what: 'tail_cut',
      by: 'head',
      sequence: verdict.last + 1,
      expected: String(head.sequence),
      found: String(verdict.last),
      entries,
    }
  }
  return { ...verdict, tenant: start.tenant, time, filtered: start.filtered, keyId }
}

function walkOf(start: Static<typeof ExportStart>['export'], anchors: readonly SignedAnchor[]): ChainWalk {
  const { tenant, filtered } = start
  const exportedAt = Date.parse(start.time)
  const witnesses = anchors
    .filter((anchor) => anchor.tenant === tenant)
    .map(({ sequence, hash, time }): Witness => {
      // Made after the export it may know of entries that the file cannot have.
      return { sequence, hash, by: 'anchor', ...(Date.parse(time) > exportedAt ? { later: true } : {}) }
    })
  return new ChainWalk({ witnesses, gaps: filtered })
}

async function entryBreach(
  walk: ChainWalk | undefined,
  { sequence, sealed, hash }: Static<typeof ExportEntry>,
): Promise<AuditBreach | undefined> {
  const bytes = new Uint8Array(Buffer.from(sealed, 'base64'))
  const breach = await walk?.add(sequence, bytes)
  if (breach) return breach
  const own = createHash('sm3').update(bytes).digest('hex')
  if (own === hash) return undefined
  return { s: 'broken', what: 'edited', sequence, expected: own, found: hash, entries: 0 }
}

function endProblem(
  end: ExportEnd['end'],
  trusted: KeyObject | undefined,
):
  | { readonly what: 'signature' | 'other_key'; readonly expected?: string; readonly found?: string }
  | undefined {
  const named = keyIn(end.publicKey)
  if (!named || idOf(named) !== end.keyId) return { what: 'signature' }
  if (trusted && idOf(trusted) !== end.keyId) {
    return { what: 'other_key', expected: idOf(trusted), found: end.keyId }
  }
  const key = trusted ?? named
  if (!isSignedBy(end, key)) return { what: 'signature' }
  const keys: AnchorKeys = new Map([[end.keyId, key]])
  return end.head && checkAnchor(end.head, keys) !== 'valid' ? { what: 'signature' } : undefined
}

function idOf(key: KeyObject): string {
  return keyIdOf(key.export({ type: 'spki', format: 'der' }))
}

function keyIn(base64: string): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

function mapIn(text: string): Record<string, unknown> | undefined {
  try {
    const value = parseJson(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
