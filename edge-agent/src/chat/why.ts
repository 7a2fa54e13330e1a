import type { ReplyPayload } from '../channels/index.js'
import { placeOf } from './footer.js'
import { type Paint, printable } from './paint.js'
import { columnsOf } from './text-width.js'
import type { Words } from './words.js'

const BAR = 20
const TOP = 3

/** How an answer came about: the intents that were considered, the decision, the waits. */
export function whyLines(reply: ReplyPayload, words: Words, paint: Paint): string[] {
  const { route, model } = reply
  if (!route) return [paint.dim(words.why.hidden)]
  const top = route.top.slice(0, TOP)
  const widest = Math.max(0, ...top.map(({ intent }) => columnsOf(intent)))
  const bars = top.map(({ intent, score }) => {
    const filled = Math.round(Math.min(1, Math.max(0, score)) * BAR)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`
    const name = `${printable(intent)}${' '.repeat(widest - columnsOf(intent))}`
    const paintBar = score >= route.accept ? paint.good : paint.dim
    return `  ${name}  ${paintBar(bar)} ${score.toFixed(2)}`
  })
  const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
  const facts: [string, string | undefined][] = [
    [words.why.threshold, route.match === 'model' ? route.accept.toFixed(2) : undefined],
    [words.why.match, words.why.matches[route.match]],
    [words.why.decision, words.why.decisions[route.decision] ?? route.decision],
    [words.why.classified, ms(route.classifyMs)],
    [words.why.waited, route.waitedMs === undefined ? undefined : ms(route.waitedMs)],
    [words.why.queued, route.centerQueueMs === undefined ? undefined : ms(route.centerQueueMs)],
    [words.why.took, route.tookMs === undefined ? undefined : ms(route.tookMs)],
    [words.why.model, model],
  ]
  return [
    ...bars,
    ...facts.flatMap(([name, value]) =>
      value === undefined ? [] : [`  ${paint.dim(name)} ${printable(value)}`],
    ),
  ]
}

/** The passages that an answer stands on. */
export function sourceLines(reply: ReplyPayload, words: Words, paint: Paint): string[] {
  if (reply.citations.length === 0) return [paint.dim(words.noSources)]
  return reply.citations.flatMap((citation, at) => [
    paint.bold(`[${at + 1}] ${printable(placeOf(citation))}`),
    ...printable(citation.passage)
      .split('\n')
      .map((line) => `    ${line}`),
  ])
}
