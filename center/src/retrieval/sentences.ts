const ABBREVIATION =
  /(?:^|[\s(])(?:e\.g|i\.e|etc|vs|cf|approx|dept|ext|fig|inc|ltd|no|dr|mr|mrs|ms|st|[a-z])\.\s*$/i
/** A semicolon ends no sentence: what follows it belongs to what is said. */
const END = /(?:[。！？…]+|[.!?]+)[」』”’"')）\]]*/gu

/**
 * Cuts a paragraph into sentences, Chinese and English; each keeps its end mark and the space behind it, so that
 * joining them gives the paragraph again.
 */
export function sentencesOf(text: string): string[] {
  const sentences: string[] = []
  let start = 0
  for (const match of text.matchAll(END)) {
    let end = match.index + match[0].length
    if (/^[.!?]/.test(match[0])) {
      // A Latin mark ends a sentence only before a space, and not in "3.5", "file.txt" or "e.g. this".
      if (end < text.length && !/[\s\p{Script=Han}]/u.test(text.charAt(end))) continue
      if (match[0] === '.' && ABBREVIATION.test(text.slice(Math.max(start, end - 12), end))) continue
    }
    while (end < text.length && /\s/.test(text.charAt(end))) end++
    sentences.push(text.slice(start, end))
    start = end
  }
  if (start < text.length) sentences.push(text.slice(start))
  return sentences
}
