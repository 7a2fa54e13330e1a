/** Keeps text from outside on its line and off the terminal's controls. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}
