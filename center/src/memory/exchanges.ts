import { ChatEventType, MessageKind } from '@yizhan/proto'
import { SENT_WHOLE } from '../inference/index.js'
import { messageOf, type Turn } from '../ledger/index.js'

/** A question and its answer, as a summary is made of it. */
export interface Exchange {
  readonly turn: string
  /** Random id of the person whose memory it is; left out where it is somebody else's. */
  readonly subject?: string
  readonly asked: string
  readonly answered: string
}

/** Longer texts are cut, as an edge cuts what it sends as history. */
const MAX_CHARS = 2_000
const ANSWERED = new Set(['stop', 'length'])

/**
 * What of these turns of one conversation, oldest first, was said since its subject was last changed; without what was
 * recalled. Pure.
 */
export function exchangesOf(turns: readonly Turn[], sender: string): Exchange[] {
  const said: (Exchange & { readonly platformId: string })[] = []
  const recalled = new Set<string>()
  for (const turn of turns) {
    const message = messageOf(turn)
    if (isNewTopic(turn)) said.length = 0
    const { chatEvent } = message
    if (chatEvent?.type === ChatEventType.RECALLED) recalled.add(chatEvent.subject)
    const answer = answerOf(turn)
    if (message.kind !== MessageKind.TEXT || answer === undefined) continue
    const { platformId } = message
    said.push({
      turn: turn.id,
      platformId,
      ...(message.sender?.id === sender && turn.subject !== undefined ? { subject: turn.subject } : {}),
      asked: message.text.slice(0, MAX_CHARS),
      answered: answer.slice(0, MAX_CHARS),
    })
  }
  return said
    .filter(({ platformId }) => platformId === '' || !recalled.has(platformId))
    .map(({ platformId: _, ...exchange }) => exchange)
}

/** Whether what was said before must not be in a summary any more. */
export function changesMemory(turn: Turn): boolean {
  return isNewTopic(turn) || messageOf(turn).chatEvent?.type === ChatEventType.RECALLED
}

function isNewTopic({ final }: Turn): boolean {
  return final?.intent === '/new'
}

/** Undefined for what is no part of a conversation: commands, what was taken back, what nobody answered. */
function answerOf({ final, state }: Turn): string | undefined {
  if (!final || state === 'cancelled' || final.intent?.startsWith('/')) return undefined
  return ANSWERED.has(final.finish ?? '') ? final.text : undefined
}

/**
 * What is to go into the summary now, of the exchanges that are not in it yet; `shown`: how many of the latest a prompt had
 * word for word. Half of them is left for later, so that not every turn asks for a summary. Pure.
 */
export function dueFor(exchanges: readonly Exchange[], shown: number): readonly Exchange[] {
  // Soon the edge leaves something out: then it is in short already.
  const isAhead = exchanges.length === shown && shown >= SENT_WHOLE
  if (exchanges.length <= shown && !isAhead) return []
  return exchanges.slice(0, exchanges.length - (shown >> 1)).filter(({ subject }) => subject !== undefined)
}
