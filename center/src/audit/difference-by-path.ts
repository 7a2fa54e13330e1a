import { isDeepStrictEqual } from 'node:util'
import type { Snapshot } from './snapshot.js'

/** One place that differs; `before` or `after` is missing where there was or is nothing. */
export interface PathChange {
  /** JSON Pointer (RFC 6901); '' is the whole. */
  readonly path: string
  readonly before?: unknown
  readonly after?: unknown
}

/** More are cut off. */
export const MAX_PATHS = 1_000
const MAX_DEPTH = 50

/** What differs between two snapshots, place by place: objects by key, lists by place. Anything but JSON differs as a whole. */
export function differenceByPath(before: Snapshot | undefined, after: Snapshot | undefined): PathChange[] {
  const found: PathChange[] = []
  compare('', shownValue(before), shownValue(after), 0, found)
  return found
}

function shownValue(snapshot: Snapshot | undefined): unknown {
  if (snapshot === undefined) return undefined
  return 'json' in snapshot ? snapshot.json : snapshot
}

function compare(path: string, before: unknown, after: unknown, depth: number, found: PathChange[]): void {
  if (found.length >= MAX_PATHS || isDeepStrictEqual(before, after)) return
  const [was, is] = [childrenOf(before), childrenOf(after)]
  if (was && is && Array.isArray(before) === Array.isArray(after) && depth < MAX_DEPTH) {
    for (const key of new Set([...was.keys(), ...is.keys()])) {
      compare(`${path}/${escaped(key)}`, was.get(key), is.get(key), depth + 1, found)
    }
    return
  }
  found.push({
    path,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  })
}

function childrenOf(value: unknown): Map<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
