/** A value that was found in a text. */
export interface Reading {
  /** As skills get it: `2026-12-01`, `15:30`, `2.5`, the value of an option, a text. */
  readonly value: string
  /** Where it stands in the normalised text. */
  readonly from: number
  readonly to: number
}

/** What is read of an answer; nobody writes a day or a number in more. */
export const MAX_READ = 500

/** The text without what stands at a place, every other character where it was. */
export function blanked(text: string, from: number, to: number): string {
  return text.slice(0, from) + ' '.repeat(to - from) + text.slice(to)
}
