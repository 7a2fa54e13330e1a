import type { ReadStream, WriteStream } from 'node:tty'

/** What the terminal client reads and writes. */
export interface ChatIo {
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  /** stdout is a terminal. */
  readonly isTty: boolean
  /**
   * YIZHAN_CHAT_PASSWORD logs in as `tenant/user`; NO_COLOR; YIZHAN_LANG, LANG; XDG_STATE_HOME, HOME for the history.
   */
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface TerminalIo {
  readonly stdin: ReadStream
  readonly stdout: WriteStream
}

/** Both ends, if a person sits at them. */
export function terminalOf({ stdin, stdout, isTty, env }: ChatIo): TerminalIo | undefined {
  const isTerminal = isTty && 'isTTY' in stdin && stdin.isTTY === true && 'columns' in stdout
  // A dumb terminal cannot move its cursor.
  if (!isTerminal || env.TERM === 'dumb') return undefined
  return { stdin: stdin as ReadStream, stdout: stdout as WriteStream }
}
