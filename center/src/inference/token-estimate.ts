/**
 * About how many tokens a text is for a language model, without its tokenizer: four letters or one CJK character make
 * one. Good for sharing and reporting, not for a model's exact limit. Measured against o200k_base on 240 passages and 1,190
 * questions each of English and Chinese: 22 to 24 % and 17 to 23 % too many in all, for a single text between 8 % too few
 * and 57 % too many. Against cl100k_base Chinese comes out 22 % too low, and JSON is 27 % too low against both.
 */
export function estimateTokens(text: string): number {
  let quarters = 0
  for (const character of text) quarters += (character.codePointAt(0) ?? 0) >= 0x1100 ? 4 : 1
  return Math.ceil(quarters / 4)
}
