import type { CliIo } from '@yizhan/kernel'

type Answer = Readonly<Record<string, unknown>>

// They would move a terminal's cursor, or show a line in another order than it is written in.
const UNSEEN = /[^\P{Cc}\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** One turn on a terminal: fields, then its states, then what was said if that was asked for. With `--json` as it is. */
export function printTurn(io: CliIo, turn: Answer): void {
  if (io.wantsJson) {
    io.json(turn)
    return
  }
  const { states, text, ...fields } = turn
  io.record(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)))
  io.out('')
  io.table(Array.isArray(states) ? states : [], ['state', 'at', 'cause', 'actor'])
  if (typeof text !== 'object' || text === null) return
  for (const [what, said] of Object.entries(text)) {
    if (typeof said !== 'string') continue
    const lines = said.replace(UNSEEN, ' ').split('\n')
    io.out(`\n${what}:\n${lines.map((line) => `  ${line}`).join('\n')}`)
  }
}
