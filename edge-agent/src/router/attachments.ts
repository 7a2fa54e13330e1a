import { type Attachment, type Message, MessageKind } from '@yizhan/proto'
import type { ReplyContent, Turn } from '../ledger/index.js'
import type { Replies } from './port.js'

const MAX_NAMED = 3
const MAX_NAME = 60
/** What would be read as markup where names are shown among other text. */
const MARKUP = /[<>[\]`*|\\]/gu

/** The names of a message's files for a sentence, shortened and without markup. */
export function namesOf({ attachments }: Message): string {
  const names = attachments
    .slice(0, MAX_NAMED)
    .map(({ name }) => [...name.replace(MARKUP, '').replace(/\s+/gu, ' ')].slice(0, MAX_NAME).join('').trim())
    .map((name) => (name === '' ? '…' : name))
  const more = attachments.length - MAX_NAMED
  return names.join(', ') + (more > 0 ? `, … (+${more})` : '')
}

/** Whether a message has files and nothing else. */
export function isFilesOnly({ kind, text, attachments }: Message): boolean {
  return kind === MessageKind.TEXT && attachments.length > 0 && text.trim() === ''
}

function hasDigest({ sha256 }: Attachment): boolean {
  return sha256.length > 0
}

/** Says at the end of each answer to a text with files that the files were not looked at. */
export class FileNotingReplies implements Replies {
  readonly #replies: Replies
  readonly #sentence: (turn: Turn) => string

  constructor(replies: Replies, sentence: (turn: Turn) => string) {
    this.#replies = replies
    this.#sentence = sentence
  }

  notice(turn: Turn, content: ReplyContent): Promise<Turn> {
    return this.#replies.notice(turn, content)
  }

  final(turn: Turn, content: ReplyContent): Promise<Turn> {
    const { message } = turn
    const answers = content.finish === 'stop' || content.finish === 'length' || content.finish === 'no-answer'
    const hasNone =
      message.kind !== MessageKind.TEXT || message.attachments.length === 0 || isFilesOnly(message)
    // By their digests the center looks for them, and says itself which it has not read.
    const isLookedFor = content.answeredBy === 'center' && message.attachments.every(hasDigest)
    const silent = hasNone || isLookedFor
    if (silent || !answers) return this.#replies.final(turn, content)
    return this.#replies.final(turn, { ...content, text: `${content.text}\n\n${this.#sentence(turn)}` })
  }

  delta(...[turn, delta]: Parameters<Replies['delta']>): void {
    this.#replies.delta(turn, delta)
  }
}
