/**
 * About how many tokens a text is for a language model, without its tokenizer: four letters or one CJK character make
 * one. Good for sharing and reporting, not for a model's exact limit. Measured against o200k_base on 240 passages and 1,190
 * questions each of English and Chinese: 22 to 24 % and 17 to 23 % too many in all, for a single text between 8 % too few
 * and 57 % too many. Against cl100k_base Chinese comes out 22 % too low, and JSON is 27 % too low against both.
 */
export function estimateTokens(text: string): number {
  let quarters = 0
  for (const character of text) quarters += quartersOf(character)
  return Math.ceil(quarters / 4)
}

/** The beginning of a text that is about so many tokens, cut between characters. */
export function firstTokens(text: string, tokens: number): string {
  let left = 4 * tokens
  let end = 0
  for (const character of text) {
    left -= quartersOf(character)
    if (left < 0) return text.slice(0, end)
    end += character.length
  }
  return text
}

function quartersOf(character: string): number {
  return (character.codePointAt(0) ?? 0) >= 0x1100 ? 4 : 1
}
