import type { ReplyPayload } from '../channels/index.js'
import type { Words } from './words.js'

export interface Paint {
  dim(text: string): string
  bold(text: string): string
  warn(text: string): string
}

/** Colours on a terminal without NO_COLOR, else none. */
export function paintFor(isTty: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const colours = isTty && !env.NO_COLOR
  const code = (on: number, off: number) => (text: string) =>
    colours ? `\u001b[${on}m${text}\u001b[${off}m` : text
  return { dim: code(2, 22), bold: code(1, 22), warn: code(33, 39) }
}

const UNPRINTABLE = /[\p{Control}\p{Bidi_Control}]/gu

/** Text from outside without what would steer the terminal; line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => (char === '\n' || char === '\t' ? char : ''))
}

/** What stands below an answer: its sources and who gave it. */
export function footer(reply: ReplyPayload, words: Words, paint: Paint, totalMs?: number): string {
  const lines = reply.citations.map(({ title, heading, document }, index) => {
    const name = title || document
    // Headings begin with the title where the document does.
    const place = heading.startsWith(name)
      ? heading
      : [name, heading].filter((part) => part !== '').join(' › ')
    return paint.dim(`  [${index + 1}] ${printable(place)}`)
  })
  const facts = [
    words.by[reply.answeredBy],
    reply.intent ?? '',
    reply.score === null ? '' : reply.score.toFixed(2),
    reply.ticket ?? '',
    totalMs === undefined ? '' : `${Math.round(totalMs)} ms`,
  ].filter((fact) => fact !== '')
  return [...lines, paint.dim(`  — ${printable(facts.join(' · '))}`)].join('\n')
}
