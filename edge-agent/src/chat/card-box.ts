import type { ReplyPayload } from '../channels/index.js'
import { MarkdownLines } from './markdown.js'
import { type Paint, printable } from './paint.js'
import { columnsOf } from './text-width.js'
import { wrap } from './wrap.js'

type Card = NonNullable<ReplyPayload['card']>

/** What a number stands for: a button of a card, or an answer to a question back. */
export type CardPick =
  | { readonly kind: 'action'; readonly card: string; readonly action: string; readonly label: string }
  | { readonly kind: 'say'; readonly text: string; readonly label: string }
  | { readonly kind: 'url'; readonly url: string; readonly label: string }

const MAX_COLUMNS = 72
const MIN_COLUMNS = 24

/**
 * What can be picked by number under a reply, 1 first. Choices whose numbers stand in the text already are answered by
 * sending the number.
 */
export function picksOf({ card, choices = [], text }: ReplyPayload): CardPick[] {
  const buttons = (card?.buttons ?? []).map(({ label, does }): CardPick => {
    if (does.kind === 'action') return { kind: 'action', card: card?.id ?? '', action: does.action, label }
    return { ...does, label }
  })
  if (choices.every(({ label }) => text.includes(label))) return buttons
  return [...buttons, ...choices.map((choice): CardPick => ({ kind: 'say', ...choice }))]
}

/** A card in a box, without its buttons' numbers, as lines of at most `columns`. */
export function boxed(card: Card, columns: number, paint: Paint): string[] {
  const inner = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, columns)) - 4
  const edge = (left: string, right: string) => paint.dim(`${left}${'─'.repeat(inner + 2)}${right}`)
  return [
    edge('┌', '┐'),
    ...bodyOf(card, inner, paint).map((row) => `${paint.dim('│')} ${padded(row, inner)} ${paint.dim('│')}`),
    edge('└', '┘'),
  ]
}

/** The numbered lines below a reply. */
export function numbered(picks: readonly CardPick[], paint: Paint): string[] {
  return picks.map((pick, at) => {
    const target = pick.kind === 'url' ? ` ${paint.underline(oneLine(pick.url))}` : ''
    return `  ${paint.bold(String(at + 1))}) ${oneLine(pick.label)}${target}`
  })
}

function bodyOf(card: Card, inner: number, paint: Paint): string[] {
  const markdown = new MarkdownLines(paint)
  const rows = wrap(oneLine(card.title), inner).map(paint.bold)
  if (card.text !== '') {
    for (const line of printable(card.text).split('\n')) {
      const { text, indent } = markdown.line(line)
      rows.push(...wrap(text, inner, indent))
    }
  }
  const names = card.facts.map(({ name }) => oneLine(name))
  const widest = Math.min(Math.max(0, ...names.map(columnsOf)), Math.floor(inner / 2))
  card.facts.forEach(({ value }, at) => {
    const name = names[at] ?? ''
    const head = `${paint.dim(name)}${' '.repeat(Math.max(0, widest - columnsOf(name)))}  `
    rows.push(...wrap(`${head}${oneLine(value)}`, inner, widest + 2))
  })
  return rows
}

function oneLine(text: string): string {
  return printable(text).replace(/\s+/g, ' ').trim()
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours are what it looks for.
const SGR = /\u001b\[[\d;]*m/g

function padded(row: string, columns: number): string {
  return row + ' '.repeat(Math.max(0, columns - columnsOf(row.replace(SGR, ''))))
}
