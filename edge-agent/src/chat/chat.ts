import { type Clock, systemClock } from '@yizhan/kernel'
import { footer } from './footer.js'
import { converse } from './interactive.js'
import type { ChatIo } from './io.js'
import { askOnce } from './once.js'
import { paintFor, printable } from './paint.js'
import { wordsFor } from './words.js'

export interface ChatOptions {
  /** `mqtt://host:port` or `ws://host:port/mqtt`. */
  readonly mqtt: string
  /** Default: the edge's first. */
  readonly tenant?: string
  readonly user: string
  readonly chat: string
  /** Ask this, print the answer, end. */
  readonly once?: string
  /** One line of JSON for each reply. */
  readonly json?: boolean
  /** With `once`: wait for the answer behind a ticket. */
  readonly wait?: boolean
  /** With `once` and without `wait`; default 120,000. */
  readonly timeoutMs?: number
}

/**
 * The terminal chat client; resolves with the exit code. Throws a YizhanError whose table entry has the exit code:
 * `unavailable` (4) if no edge answers, `unauthenticated` (5), what the edge refused the question with.
 */
export async function chat(options: ChatOptions, io: ChatIo, clock: Clock = systemClock): Promise<number> {
  const { tenant, user, chat: room, once } = options
  const target = { url: options.mqtt, tenant, user, chat: room, password: io.env.YIZHAN_CHAT_PASSWORD }
  if (once === undefined) return await converse({ clock }, { ...target, json: options.json ?? false }, io)

  const words = wordsFor(io.env)
  const paint = paintFor(io.isTty, io.env)
  const aside = (text: string) => io.stderr.write(`${printable(text)}\n`)
  const { answer, reply } = await askOnce(
    { clock },
    { ...target, text: once, wait: options.wait ?? false, timeoutMs: options.timeoutMs ?? 120_000 },
    {
      ticket: (notice) => aside(notice.text),
      // It is confirmed by having been received, so it must not go unseen.
      other: (late) => aside(`${words.late(late.quoted ?? '')} ${late.text}`),
    },
  )
  io.stdout.write(
    options.json
      ? `${JSON.stringify(answer)}\n`
      : `${printable(reply.text)}\n${footer(reply, words, paint, answer.totalMs)}\n`,
  )
  return 0
}
