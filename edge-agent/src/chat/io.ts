/** What the terminal client reads and writes. */
export interface ChatIo {
  readonly stdin: NodeJS.ReadableStream
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  /** stdout is a terminal. */
  readonly isTty: boolean
  /** YIZHAN_CHAT_PASSWORD logs in as `tenant/user`; NO_COLOR; YIZHAN_LANG, LANG. */
  readonly env: Readonly<Record<string, string | undefined>>
}
