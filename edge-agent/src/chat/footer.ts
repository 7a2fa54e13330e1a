import type { ReplyPayload } from '../channels/index.js'
import { type Paint, printable } from './paint.js'
import type { Words } from './words.js'

/** Where a passage stands: document and heading. */
export function placeOf({ title, heading, document }: ReplyPayload['citations'][number]): string {
  const name = title || document
  // Headings begin with the title where the document does.
  if (heading.startsWith(name)) return heading
  return [name, heading].filter((part) => part !== '').join(' › ')
}

/** What stands below an answer: its sources and who gave it. */
export function footer(reply: ReplyPayload, words: Words, paint: Paint, totalMs?: number): string {
  const lines = reply.citations.map((citation, index) =>
    paint.dim(`  [${index + 1}] ${printable(placeOf(citation))}`),
  )
  const facts = [
    words.by[reply.answeredBy],
    reply.intent ?? '',
    reply.score === null ? '' : reply.score.toFixed(2),
    reply.ticket ?? '',
    reply.place === undefined ? '' : words.place(reply.place),
    totalMs === undefined ? '' : `${Math.round(totalMs)} ms`,
  ].filter((fact) => fact !== '')
  return [...lines, paint.dim(`  — ${printable(facts.join(' · '))}`)].join('\n')
}
