export interface Completion {
  /** The text with as much of it completed as is certain. */
  readonly text: string
  /** What it may become, if there is a choice. */
  readonly candidates: readonly string[]
}

/** Completes a command at the begin of a text; anything else stays. */
export function complete(text: string, commands: readonly string[]): Completion {
  if (!/^\/[a-z]*$/.test(text)) return { text, candidates: [] }
  const fitting = commands.filter((command) => command.startsWith(text))
  const [first] = fitting
  if (first === undefined) return { text, candidates: [] }
  if (fitting.length === 1) return { text: `${first} `, candidates: [] }
  let common = first
  while (!fitting.every((command) => command.startsWith(common))) common = common.slice(0, -1)
  return { text: common, candidates: fitting }
}
