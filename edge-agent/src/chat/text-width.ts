const SEGMENTS = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
const NO_WIDTH = /^[\p{Mark}\p{Format}\p{Control}]$/u
/** East Asian wide and fullwidth, by block (UAX 11), and what is shown as an emoji by itself. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$|^\p{Emoji_Presentation}$/u
const EMOJI_STYLE = '\ufe0f'

/** What a reader takes for one character, and a cursor steps over at once. */
export function graphemes(text: string): string[] {
  return Array.from(SEGMENTS.segment(text), ({ segment }) => segment)
}

/** Terminal columns of a text without control sequences; line ends and tabs count nothing. */
export function columnsOf(text: string): number {
  let columns = 0
  for (const cluster of graphemes(text)) columns += clusterColumns(cluster)
  return columns
}

function clusterColumns(cluster: string): number {
  if (cluster.includes(EMOJI_STYLE)) return 2
  let columns = 0
  for (const char of cluster) {
    if (NO_WIDTH.test(char)) continue
    columns = Math.max(columns, WIDE.test(char) ? 2 : 1)
  }
  return columns
}
