/** Who says a line of the timeline. */
export type Who = 'demo' | 'link' | 'li' | 'wang' | 'edge' | 'center' | 'ticket'

const COLOURS: Readonly<Record<Who, number>> = {
  demo: 2,
  link: 31,
  li: 36,
  wang: 36,
  edge: 32,
  center: 34,
  ticket: 33,
}
const SECONDS_WIDTH = 7
const WHO_WIDTH = 8
const MAX_TEXT = 88

export interface TimelineEvent {
  readonly atMs: number
  readonly who: Who
  readonly text: string
}

export interface Timeline {
  readonly events: readonly TimelineEvent[]
  add(who: Who, text: string): void
}

/** Lines of seconds since the start, who, and what; `print` gets each as it comes. */
export function startTimeline(
  now: () => number,
  names: Readonly<Record<Who, string>>,
  options: { readonly colours: boolean; readonly print: (line: string) => void },
): Timeline {
  const began = now()
  const events: TimelineEvent[] = []
  return {
    events,
    add(who, text) {
      const atMs = Math.round(now() - began)
      events.push({ atMs, who, text })
      const name = pad(names[who], WHO_WIDTH)
      const seconds = (atMs / 1000).toFixed(2).padStart(SECONDS_WIDTH)
      const painted = options.colours ? `\u001b[${COLOURS[who]}m${name}\u001b[0m` : name
      options.print(`${seconds}  ${painted} ${clip(text)}`)
    },
  }
}

const columns = (char: string) => ((char.codePointAt(0) ?? 0) >= 0x2e80 ? 2 : 1)
const width = (text: string) => [...text].reduce((sum, char) => sum + columns(char), 0)

function pad(text: string, to: number): string {
  return text + ' '.repeat(Math.max(0, to - width(text)))
}

/** One line of at most 88 columns. */
function clip(text: string): string {
  // A line of a log needs no bold type.
  const line = text.replace(/[*`]+/g, '').replace(/\s+/g, ' ').trim()
  if (width(line) <= MAX_TEXT) return line
  let kept = ''
  let taken = 0
  for (const char of line) {
    taken += columns(char)
    if (taken >= MAX_TEXT) break
    kept += char
  }
  return `${kept.trimEnd()}…`
}
