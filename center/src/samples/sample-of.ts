import { OOS } from '@yizhan/intent'
import { MessageKind } from '@yizhan/proto'
import { messageOf, type Turn } from '../ledger/index.js'
import type { Reason, Sample } from './sample-collection.js'

/** What a turn tells of its question. */
export type FoundSample = Pick<
  Sample,
  'text' | 'why' | 'intent' | 'score' | 'accept' | 'suggested' | 'background'
>

/** An answer this little above its threshold might have been another. */
const NARROW = 0.1
const MAX_CHARS = 500
const REROUTE = 'reroute '
const TO_INTENT = 'intent:'

type Final = NonNullable<Turn['final']>

/**
 * What can be learnt from a turn; undefined if nothing, or not yet. Without a reason it only tells what its asker chose
 * when the question was asked back. `successor`: the turn that a person had carry this one on. Pure.
 */
export function sampleOf(turn: Turn, successor?: Turn): FoundSample | undefined {
  const { final: own, history } = turn
  const feedback = successor?.feedback ?? turn.feedback
  const last = (successor ?? turn).final
  if (!last) return undefined
  const causes = history.map(({ cause }) => cause)
  const isEdited =
    causes.includes('edit') || (successor !== undefined && messageOf(successor).text !== messageOf(turn).text)
  const routedTo = reroutes(causes) ?? (successor && !isEdited ? routed(own, last) : undefined)
  const isForwarded = own?.answeredBy === 'center' && isUnknown(own)
  const why: Reason[] = [
    ...when(feedback?.rating === 'down', 'rejected'),
    ...when(isEdited, 'edited'),
    ...when(routedTo !== undefined, 'rerouted'),
    ...when(last.answeredBy === 'person', 'answered-by-person'),
    ...when(causes.includes('ask-back'), 'asked-back'),
    ...when(isNarrow(own), 'unsure'),
    ...when(isForwarded, 'forwarded'),
  ]
  const suggested = routedTo !== undefined ? routedTo || undefined : isEdited ? sureIntent(last) : chosen(own)
  if (why.length === 0 && suggested === undefined) return undefined
  // Only now: nearly all turns teach nothing, and to decode a message takes longer than all of this.
  const message = messageOf(turn)
  if (message.kind !== MessageKind.TEXT) return undefined
  // After an edit a reply names what a person made of the question; the asker's own words are to be learnt.
  const words = isEdited || routedTo !== undefined ? message.text : (own?.question ?? message.text)
  const text = words.trim()
  if (text.length > MAX_CHARS || text.startsWith('/') || !/\p{L}/u.test(text)) return undefined
  const isAnswered = why.length === 1 && own?.finish === 'stop' && own.intent === OOS
  return {
    text,
    why,
    background: isForwarded && isAnswered,
    ...(own?.intent === undefined ? {} : { intent: own.intent, score: own.score ?? 0 }),
    ...(own?.accept === undefined ? {} : { accept: own.accept }),
    ...(suggested === undefined ? {} : { suggested }),
  }
}

/** The intent that a person routed it to, the last one; '' if elsewhere, undefined if nobody did. */
function reroutes(causes: readonly string[]): string | undefined {
  const last = causes
    .filter((cause) => cause.startsWith(REROUTE))
    .at(-1)
    ?.slice(REROUTE.length)
  return last?.startsWith(TO_INTENT) ? last.slice(TO_INTENT.length) : last && ''
}

/** A successor whose intent no model decided: a person did. */
function routed(before: Final | undefined, after: Final): string | undefined {
  const intent = chosen({ ...after, question: after.text })
  return intent === before?.intent ? undefined : intent
}

/** An earlier question that is answered with an intent that no model decided: its asker chose it. */
function chosen(final: Final | undefined): string | undefined {
  const isChosen = final?.question !== undefined && final.accept === undefined && final.score === 1
  return isChosen && final.intent !== OOS ? final.intent : undefined
}

function sureIntent({ intent, score = 0, accept }: Final): string | undefined {
  return accept !== undefined && score >= accept && intent !== OOS ? intent : undefined
}

/** No intent, or none that was sure enough. */
function isUnknown(final: Final): boolean {
  return final.intent === OOS || (final.accept !== undefined && sureIntent(final) === undefined)
}

function isNarrow(final: Final | undefined): boolean {
  if (final?.answeredBy !== 'edge' || sureIntent(final) === undefined) return false
  const { score = 0, accept = 0 } = final
  return score < 1 && score - accept < NARROW
}

function when(holds: boolean | undefined, reason: Reason): Reason[] {
  return holds ? [reason] : []
}
