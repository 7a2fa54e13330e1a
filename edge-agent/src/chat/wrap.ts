import { columnsOf, graphemes } from './text-width.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours are what it looks for.
const PARTS = /\u001b\[[\d;]*m|\s+|[^\s\u001b]+/g
/** Between two of these a line may break, also without a space. */
const BREAKS_ANYWHERE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff00-\uffef]/u
/** These do not end a row. */
const OPENS = /[（【「『《“‘([{]$/u
/** These do not begin a row. */
const CLOSES = /^[，。！？；：、）】」』》”’…,.!?;:)\]}]/u

/**
 * One line as rows of at most `columns`: broken at spaces and between Chinese characters, elsewhere only where a word is
 * longer than a row. Colours (SGR) take no columns. Rows after the first are indented by `indent`.
 */
export function wrap(line: string, columns: number, indent = 0): string[] {
  const width = Math.max(columns, indent + 4)
  const rows: string[] = []
  let row = ''
  let used = 0
  let space = ''
  const newRow = () => {
    rows.push(row)
    row = ' '.repeat(indent)
    used = indent
    space = ''
  }
  const put = (piece: string, size: number) => {
    row += space + piece
    used += columnsOf(space) + size
    space = ''
  }
  for (const [part] of line.matchAll(PARTS)) {
    if (part.startsWith('\u001b')) {
      row += space + part
      used += columnsOf(space)
      space = ''
      continue
    }
    if (/^\s/.test(part)) {
      space += part.replaceAll('\t', '  ')
      continue
    }
    for (const piece of breakable(part)) {
      const size = columnsOf(piece)
      const isEmpty = used <= (rows.length === 0 ? 0 : indent)
      if (used + columnsOf(space) + size > width && !isEmpty) newRow()
      if (size <= width - used) put(piece, size)
      else {
        for (const cluster of graphemes(piece)) {
          const one = columnsOf(cluster)
          if (used + one > width) newRow()
          put(cluster, one)
        }
      }
    }
  }
  rows.push(row)
  return rows
}

/** A word as what may stand on rows of its own; a closing mark stays with what it closes. */
function breakable(word: string): string[] {
  if (!BREAKS_ANYWHERE.test(word)) return [word]
  const pieces: string[] = []
  for (const cluster of graphemes(word)) {
    const last = pieces.at(-1)
    const glued =
      last !== undefined &&
      (CLOSES.test(cluster) ||
        OPENS.test(last) ||
        !(BREAKS_ANYWHERE.test(cluster) || BREAKS_ANYWHERE.test(last.slice(-1))))
    if (glued) pieces[pieces.length - 1] = last + cluster
    else pieces.push(cluster)
  }
  return pieces
}
