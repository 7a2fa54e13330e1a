export interface Paint {
  /** Whether anything is painted at all. */
  readonly colours: boolean
  dim(text: string): string
  bold(text: string): string
  italic(text: string): string
  underline(text: string): string
  code(text: string): string
  warn(text: string): string
  good(text: string): string
}

/** Colours on a terminal without NO_COLOR, else none. */
export function paintFor(isTty: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const colours = isTty && !env.NO_COLOR && env.TERM !== 'dumb'
  const code = (on: number, off: number) => (text: string) =>
    colours ? `\u001b[${on}m${text}\u001b[${off}m` : text
  return {
    colours,
    dim: code(2, 22),
    bold: code(1, 22),
    italic: code(3, 23),
    underline: code(4, 24),
    code: code(36, 39),
    warn: code(33, 39),
    good: code(32, 39),
  }
}

const UNPRINTABLE = /[\p{Control}\p{Bidi_Control}\u2028\u2029]/gu

/** Text from outside without what would steer the terminal; line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => (char === '\n' || char === '\t' ? char : ''))
}
