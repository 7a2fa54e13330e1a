export interface PartLimit {
  /** Largest part, in what `sizeOf` counts. */
  readonly maxBytes: number
  readonly sizeOf: (text: string) => number
}

export interface TextPart {
  /** What is sent: a code block that is cut is closed here and opened again in the next part. */
  readonly text: string
  /** Where in the whole text (UTF-16) the next part begins; its length at the end. */
  readonly to: number
}

/** A stretch of the text that is not cut, unless it alone is too large: links, inline code, the lines of a fence. */
interface Atom {
  readonly from: number
  readonly to: number
}

interface Fence extends Atom {
  /** Where its first line of code begins, and where its last one ends. */
  readonly codeFrom: number
  readonly codeTo: number
  readonly opening: string
  readonly marker: string
}

const FENCE_LINE = /^ {0,3}(`{3,}|~{3,})([^\n]*)$/gm
const INLINE = /!?\[[^\]\n]*\]\([^)\n]*\)|<https?:[^>\s]*>|`[^`\n]+`|https?:\/\/[^\s<>()，。；、]+/g
/** Places to cut behind, the best first. A place counts if it leaves at least this share of what fits. */
const PLACES: readonly { readonly pattern: RegExp; readonly share: number }[] = [
  { pattern: /\n[ \t]*\n\s*/g, share: 0.4 },
  { pattern: /\n/g, share: 0.4 },
  { pattern: /[。！？；…]+[”’」』）]*|[.!?]+["')\]]*(?=\s)/g, share: 0.3 },
  { pattern: /\s+|[，、：]/g, share: 0 },
]
/** Longest cluster of code points that is kept together. */
const MAX_GRAPHEME = 64

/**
 * The part of `text` that begins at `from`, as long as the limit allows and cut at the best place there is: between
 * paragraphs, lines, sentences, words, else characters as people see them. Parts are the same whenever they are asked
 * for, so that a restart goes on where it was. White space at a cut is dropped.
 */
export function nextPart(text: string, from: number, limit: PartLimit): TextPart {
  return partOf(text, from, limit, layoutOf(text))
}

/** How many parts are left from `from` on; at least 1. */
export function partsLeft(text: string, from: number, limit: PartLimit): number {
  const layout = layoutOf(text)
  let parts = 0
  for (let at = from; at < text.length || parts === 0; parts++) {
    at = partOf(text, at, limit, layout).to
    if (at >= text.length) return parts + 1
  }
  return parts
}

interface Layout {
  readonly fences: readonly Fence[]
  readonly atoms: readonly Atom[]
}

function partOf(text: string, from: number, limit: PartLimit, layout: Layout): TextPart {
  const head = fenceAt(layout, from)
  const opening = head ? `${head.opening}\n` : ''
  const render = (to: number) => {
    const tail = fenceAt(layout, to)
    const body = tail ? text.slice(from, to).replace(/\n$/, '') : text.slice(from, to).trimEnd()
    return `${opening}${body}${tail ? `\n${tail.marker}` : ''}`
  }
  const fits = (to: number) => limit.sizeOf(render(to)) <= limit.maxBytes
  const whole = opening + text.slice(from)
  if (limit.sizeOf(whole) <= limit.maxBytes) return { text: whole, to: text.length }
  if (fits(text.length)) return { text: render(text.length), to: text.length }
  const reach = furthest(from, text.length, fits)
  let to = bestCut(text, from, reach, layout)
  // Near a fence the closing line may not fit any more where a longer part without it did.
  while (!fits(to) && to > from + 1) {
    const shorter = bestCut(text, from, to - 1, layout)
    if (shorter >= to) break
    to = shorter
  }
  const shown = render(to)
  return { text: shown, to: skipBlank(text, to, layout) }
}

/** The largest end that fits; sizes grow with the text but for the few bytes of a closing fence. */
function furthest(from: number, length: number, fits: (to: number) => boolean): number {
  let low = from + 1
  let high = length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (fits(middle)) low = middle
    else high = middle - 1
  }
  return low
}

function bestCut(text: string, from: number, reach: number, layout: Layout): number {
  // A place may stand right behind the last character that fits: the white space there is not sent.
  const window = text.slice(from, reach + 1)
  for (const { pattern, share } of PLACES) {
    const cut = lastPlace(window, from, from + (reach - from) * share, reach, pattern, layout)
    if (cut !== undefined) return cut
  }
  return graphemeCut(text, from, reach, layout)
}

function lastPlace(
  window: string,
  from: number,
  least: number,
  reach: number,
  pattern: RegExp,
  layout: Layout,
): number | undefined {
  let best: number | undefined
  for (const { 0: found, index } of window.matchAll(pattern)) {
    const isBlank = found.trim() === ''
    const start = from + index
    const cut = isBlank && start + found.length > reach ? start : start + found.length
    if (cut <= from || cut > reach || cut < least) continue
    // A blank line of code separates no paragraphs.
    if (isBlank && found.includes('\n') && found !== '\n' && fenceAt(layout, cut)) continue
    if (!insideAtom(layout, cut)) best = cut
  }
  return best
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

function graphemeCut(text: string, from: number, reach: number, layout: Layout): number {
  const atom = layout.atoms.find((one) => one.from < reach && reach < one.to)
  if (atom && atom.from > from) return atom.from
  const start = Math.max(from, reach - MAX_GRAPHEME)
  let cut = start
  for (const { index } of graphemes.segment(text.slice(start, reach + MAX_GRAPHEME))) {
    if (start + index > reach) break
    cut = start + index
  }
  if (cut > from) return cut
  // One that does not fit: whole characters at least.
  const splitsPair = /[\uD800-\uDBFF]/.test(text.charAt(reach - 1))
  if (!splitsPair) return reach
  return reach - 1 > from ? reach - 1 : reach + 1
}

function skipBlank(text: string, to: number, layout: Layout): number {
  if (fenceAt(layout, to)) return text.charAt(to) === '\n' ? to + 1 : to
  // A tail of nothing would be an empty message.
  if (text.slice(to).trim() === '') return text.length
  const rest = /^(?:[ \t]*\n)*/.exec(text.slice(to))?.[0].length ?? 0
  const spaces = rest === 0 ? (/^[ \t]+/.exec(text.slice(to))?.[0].length ?? 0) : 0
  return to + rest + spaces
}

/** The code block whose code is cut at `at`. */
function fenceAt({ fences }: Layout, at: number): Fence | undefined {
  return fences.find(({ codeFrom, codeTo }) => codeFrom < at && at < codeTo)
}

function insideAtom({ atoms }: Layout, at: number): boolean {
  return atoms.some(({ from, to }) => from < at && at < to)
}

function layoutOf(text: string): Layout {
  const fences: Fence[] = []
  let open: { from: number; codeFrom: number; opening: string; marker: string } | undefined
  for (const { 0: line, 1: marker = '', 2: info = '', index } of text.matchAll(FENCE_LINE)) {
    const end = index + line.length
    if (!open) {
      if (marker.startsWith('`') && info.includes('`')) continue
      open = { from: index, codeFrom: end, opening: line, marker }
    } else if (marker.startsWith(open.marker) && info.trim() === '') {
      fences.push({ ...open, codeTo: index, to: end })
      open = undefined
    }
  }
  if (open) fences.push({ ...open, codeTo: text.length, to: text.length })
  const atoms: Atom[] = []
  for (const { 0: found, index } of text.matchAll(INLINE)) {
    const isCode = fences.some(({ codeFrom, codeTo }) => codeFrom <= index && index < codeTo)
    if (!isCode) atoms.push({ from: index, to: index + found.length })
  }
  // The opening line goes with the first line of code, the closing line with the last.
  for (const { from, codeFrom, codeTo, to } of fences) {
    atoms.push({ from, to: Math.min(codeFrom + 2, to) })
    if (codeTo < to) atoms.push({ from: Math.max(codeTo - 2, codeFrom), to })
  }
  return { fences, atoms: atoms.sort((a, b) => a.from - b.from) }
}
