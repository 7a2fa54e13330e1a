import { normalise } from '@yizhan/intent'

export type CommandName = 'help' | 'status' | 'new' | 'cancel' | 'lang' | 'human'

export interface Command {
  readonly name: CommandName
  /** Normalised text after the command word. */
  readonly args: string
}

const WORDS: ReadonlyMap<string, CommandName> = new Map([
  ['/help', 'help'],
  ['帮助', 'help'],
  ['/status', 'status'],
  ['状态', 'status'],
  ['/new', 'new'],
  ['新话题', 'new'],
  ['/cancel', 'cancel'],
  ['取消', 'cancel'],
  ['/lang', 'lang'],
  ['/human', 'human'],
  ['转人工', 'human'],
])

/** Names of the built-in skills. */
export const COMMAND_NAMES: ReadonlySet<string> = new Set(WORDS.values())

/** The command that a text is, if it is one: a slash word with arguments, or a Chinese word alone. */
export function parseCommand(text: string): Command | undefined {
  // Longer than any command: not worth normalising.
  if (text.length > 64) return undefined
  const normal = normalise(text).replace(/[。.!！]+$/u, '')
  const [word = '', ...rest] = normal.split(' ')
  const name = WORDS.get(word)
  if (!name || (rest.length > 0 && !word.startsWith('/'))) return undefined
  return { name, args: rest.join(' ') }
}
