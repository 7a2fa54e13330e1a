import type { IntentReply, LanguageMap, TenantFile } from '@yizhan/intent'
import type { Classification } from './port.js'

export type Decision =
  | {
      readonly do: 'answer'
      readonly intent: string
      readonly reply: Extract<IntentReply, { kind: 'text' | 'skill' }>
    }
  | { readonly do: 'forward'; readonly knowledge: readonly string[] }
  | { readonly do: 'queue'; readonly knowledge: readonly string[]; readonly offline?: LanguageMap }
  /** Intents to choose from, best first. */
  | { readonly do: 'ask-back'; readonly options: readonly string[] }
  | { readonly do: 'refuse'; readonly why: 'overloaded' }

export interface Situation {
  readonly classification: Pick<Classification, 'intent' | 'score' | 'match' | 'top' | 'accept' | 'askBack'>
  readonly intents: TenantFile['intents']
  hasSkill(name: string): boolean
  readonly linkUp: boolean
  /** Whether one more turn may wait for the center. */
  readonly roomToWait: boolean
  /** False if this answers a question back already: nobody is asked twice. */
  readonly mayAskBack: boolean
}

const OUT_OF_SCOPE = 'oos'
const MAX_OPTIONS = 2

/** What is done with a text. Pure. */
export function decide(situation: Situation): Decision {
  const { classification, intents } = situation
  const { intent, score, match, accept, askBack, top } = classification
  if (intent === OUT_OF_SCOPE) return toCenter(situation, undefined)
  if (match === 'exact' || score >= accept) return carryOut(situation, intent)
  if (score >= askBack && situation.mayAskBack) {
    const options = top.filter((one) => Object.hasOwn(intents, one.intent)).map((one) => one.intent)
    if (options.length > 0) return { do: 'ask-back', options: options.slice(0, MAX_OPTIONS) }
  }
  return toCenter(situation, undefined)
}

function carryOut(situation: Situation, intent: string): Decision {
  const { intents, hasSkill } = situation
  // A label without an answer: the center knows more.
  const entry = Object.hasOwn(intents, intent) ? intents[intent] : undefined
  const reply = entry?.reply
  // Cards and hand-offs: see the next commit.
  if (!reply || (reply.kind !== 'text' && reply.kind !== 'skill')) return toCenter(situation, entry)
  if (reply.kind === 'skill' && !hasSkill(reply.skill)) return toCenter(situation, entry)
  return { do: 'answer', intent, reply }
}

function toCenter(situation: Situation, entry: TenantFile['intents'][string] | undefined): Decision {
  const knowledge = entry?.reply.kind === 'forward' ? entry.reply.knowledge : []
  if (!situation.roomToWait) return { do: 'refuse', why: 'overloaded' }
  if (situation.linkUp) return { do: 'forward', knowledge }
  return entry?.offline ? { do: 'queue', knowledge, offline: entry.offline } : { do: 'queue', knowledge }
}
