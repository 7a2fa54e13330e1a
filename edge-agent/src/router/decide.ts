import type { IntentReply, LanguageMap, TenantFile } from '@yizhan/intent'
import type { Classification } from './port.js'

export type Decision =
  | {
      readonly do: 'answer'
      readonly intent: string
      readonly reply: Extract<IntentReply, { kind: 'text' | 'skill' | 'card' }>
    }
  /** The intent has to know something first. */
  | { readonly do: 'slots'; readonly intent: string }
  | { readonly do: 'handoff'; readonly intent: string; readonly handoff: string }
  | { readonly do: 'forward'; readonly knowledge: readonly string[] }
  | { readonly do: 'queue'; readonly knowledge: readonly string[]; readonly offline?: LanguageMap }
  /** Intents to choose from, best first. */
  | { readonly do: 'ask-back'; readonly options: readonly string[] }
  | { readonly do: 'refuse'; readonly why: 'overloaded' }

export interface Situation {
  readonly classification: Pick<Classification, 'intent' | 'score' | 'match' | 'top' | 'accept' | 'askBack'>
  readonly intents: TenantFile['intents']
  hasSkill(name: string): boolean
  hasCard(name: string): boolean
  hasHandoff(name: string): boolean
  /** Whether the values of the intent's slots are known. */
  readonly filled: boolean
  readonly linkUp: boolean
  /** Whether one more turn may wait for the center. */
  readonly roomToWait: boolean
  /** Decided by hand already. */
  readonly forced?: { readonly to: 'center' } | { readonly to: 'handoff'; readonly handoff: string }
  /** False if this answers a question back already: nobody is asked twice. */
  readonly mayAskBack: boolean
}

const OUT_OF_SCOPE = 'oos'
const MAX_OPTIONS = 2

/** What is done with a text. Pure. */
export function decide(situation: Situation): Decision {
  const { classification, intents } = situation
  const { intent, score, match, accept, askBack, top } = classification
  if (situation.forced?.to === 'handoff') return { do: 'handoff', intent, handoff: situation.forced.handoff }
  if (situation.forced)
    return toCenter(situation, Object.hasOwn(intents, intent) ? intents[intent] : undefined)
  if (intent === OUT_OF_SCOPE) return toCenter(situation, undefined)
  if (match === 'exact' || score >= accept) return carryOut(situation, intent)
  if (score >= askBack && situation.mayAskBack) {
    const options = top.filter((one) => Object.hasOwn(intents, one.intent)).map((one) => one.intent)
    if (options.length > 0) return { do: 'ask-back', options: options.slice(0, MAX_OPTIONS) }
  }
  return toCenter(situation, undefined)
}

function carryOut(situation: Situation, intent: string): Decision {
  const { intents } = situation
  const entry = Object.hasOwn(intents, intent) ? intents[intent] : undefined
  // A label without an answer here: the center knows more.
  if (!entry || !isHere(situation, entry.reply)) return toCenter(situation, entry)
  const { reply, slots } = entry
  // Nobody fills in a form to be refused at its end.
  if (reply.kind === 'forward' && !situation.roomToWait) return toCenter(situation, entry)
  if (slots && !situation.filled) return { do: 'slots', intent }
  if (reply.kind === 'forward') return toCenter(situation, entry)
  if (reply.kind === 'handoff') return { do: 'handoff', intent, handoff: reply.handoff }
  return { do: 'answer', intent, reply }
}

/** Whether this edge has what a reply names; a bundle may be older or newer than its skills. */
function isHere(situation: Situation, reply: IntentReply): boolean {
  switch (reply.kind) {
    case 'text':
    case 'forward':
      return true
    case 'skill':
      return situation.hasSkill(reply.skill)
    case 'card':
      return situation.hasCard(reply.card)
    case 'handoff':
      return situation.hasHandoff(reply.handoff)
    default:
      return reply satisfies never
  }
}

function toCenter(situation: Situation, entry: TenantFile['intents'][string] | undefined): Decision {
  const knowledge = entry?.reply.kind === 'forward' ? entry.reply.knowledge : []
  if (!situation.roomToWait) return { do: 'refuse', why: 'overloaded' }
  if (situation.linkUp) return { do: 'forward', knowledge }
  return entry?.offline ? { do: 'queue', knowledge, offline: entry.offline } : { do: 'queue', knowledge }
}
