import type { Info, TicketsPayload } from '../channels/index.js'
import { type Paint, printable } from './paint.js'
import type { Words } from './words.js'

const OWN_COMMANDS: ReadonlySet<string> = new Set(['/stop', '/why', '/sources', '/up', '/down', '/quit'])

/** What stands below a conversation: that an answer is on its way, what waits and at which place, that the center is away. */
export function statusLines(
  of: {
    readonly runs: boolean
    readonly tickets: TicketsPayload['tickets']
    readonly link: Info['link'] | undefined
  },
  words: Words,
): string[] {
  const { runs, tickets, link } = of
  return [
    ...(runs ? ['…'] : []),
    ...(tickets.length > 0 ? [printable(words.tickets(tickets))] : []),
    ...(link && link.state !== 'ready' ? [words.away(timeOf(link.since), link.waiting)] : []),
  ]
}

/** The commands of this client; the edge tells its own. */
export function helpLines(words: Words, paint: Paint): string[] {
  const own = Object.entries(words.commands).filter(([name]) => OWN_COMMANDS.has(name))
  const width = Math.max(...own.map(([name]) => name.length))
  return own.map(([name, what]) => paint.dim(`  ${name.padEnd(width)}  ${what}`))
}

function timeOf(iso: string): string {
  const time = new Date(iso)
  return Number.isNaN(time.getTime()) ? '?' : time.toTimeString().slice(0, 5)
}
