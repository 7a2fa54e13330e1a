/**
 * About how many tokens a text is for a language model, without its tokenizer: four letters or one CJK character make
 * one. Good for sharing and reporting, not for a model's exact limit.
 */
export function estimateTokens(text: string): number {
  let quarters = 0
  for (const character of text) quarters += (character.codePointAt(0) ?? 0) >= 0x1100 ? 4 : 1
  return Math.ceil(quarters / 4)
}
