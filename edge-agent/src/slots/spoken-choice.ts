import { normalise } from '@yizhan/intent'

const ORDINALS: ReadonlyMap<string, number> = new Map(
  [
    ['一', '第一个', '第一', 'the first', 'the first one', 'one'],
    ['二', '第二个', '第二', 'the second', 'the second one', 'two'],
    ['三', '第三个', '第三', 'the third', 'the third one', 'three'],
  ].flatMap((words, i) => words.map((word) => [word, i + 1] as const)),
)

/** A short answer without its closing marks: `２。` → `2`. */
export function bareAnswer(text: string): string {
  return normalise(text).replace(/[.。)、!！]+$/u, '')
}

/** The place in a numbered list, from 1, that a bare answer names; it may be past the end. */
export function placeChosen(said: string): number | undefined {
  return /^\d+$/.test(said) ? Number(said) : ORDINALS.get(said)
}
