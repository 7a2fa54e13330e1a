import { normalise, type Purpose } from '@yizhan/intent'
import { ChatEventType, MessageKind } from '@yizhan/proto'
import {
  CONSENT_CARD,
  consentCard,
  decisionIn,
  type PrivacyWish,
  purposesOn,
  standingOf,
  titleOf,
  type Wanted,
  wishIn,
} from '../../privacy/index.js'
import { parseCommand, say } from '../../skills/index.js'
import { type ConsentDesk, type Decision, thanks } from '../consent-desk.js'
import type { Endings } from '../endings.js'
import { privacyAnswer } from '../privacy-answers.js'
import type { RouterHandler, Visit } from '../visit.js'
import { plainRoute } from '../visit.js'
import { buttonNamed } from './named-option.js'

export interface ConsentDeps {
  readonly desk: ConsentDesk
  readonly endings: Endings
  readonly linkUp: () => boolean
  /** Nothing forbids the use of this turn. */
  readonly clear: (turnId: string) => void
}

/** Before anything is made of a message: may it be used, and does it say something about that? */
export function consentHandler(deps: ConsentDeps): RouterHandler {
  const { desk } = deps
  return {
    name: 'consent',
    async handle(visit, next) {
      const { message } = visit.turn
      const wish = wishOf(visit)
      if (wish) return fulfil(deps, visit, wish)
      if (message.kind === MessageKind.EVENT) return event(deps, visit, next)
      if ((visit.tenant.file.privacy?.purposes ?? []).length === 0) return goOn(deps, visit, next)
      const wanted = await desk.wanted(visit)
      const decision = await spokenDecision(deps, visit, wanted)
      if (decision) return decide(deps, visit, decision)
      if (wanted.required.length > 0 && !isHarmless(visit)) return desk.hold(visit, wanted)
      if (wanted.required.length > 0) return next(visit)
      await desk.tellBeside(visit, wanted)
      return goOn(deps, visit, next)
    },
  }
}

type Next = (visit: Visit) => Promise<void>

function goOn({ clear }: ConsentDeps, visit: Visit, next: Next): Promise<void> {
  clear(visit.turn.id)
  return next(visit)
}

function wishOf({ turn: { message } }: Visit): PrivacyWish | undefined {
  if (message.kind === MessageKind.TEXT) return wishIn(message.text)
  return message.kind === MessageKind.CARD ? wishIn(message.cardAction?.action ?? '') : undefined
}

/** Says nothing of its sender, and is answered without anything of theirs. */
const HARMLESS: ReadonlySet<string> = new Set(['help', 'status', 'new', 'cancel', 'lang'])

function isHarmless({ turn: { message } }: Visit): boolean {
  const text = message.kind === MessageKind.CARD ? (message.cardAction?.action ?? '') : message.text
  return HARMLESS.has(parseCommand(text)?.name ?? '')
}

/** A word or a number as the answer to the notice; only from who was shown it. */
async function spokenDecision(
  { desk }: ConsentDeps,
  { turn, tenant, language }: Visit,
  wanted: Wanted,
): Promise<Decision | undefined> {
  const { message } = turn
  if (message.kind !== MessageKind.TEXT || wanted.required.length === 0) return undefined
  const standings = await desk.standings(turn)
  if (!wanted.required.every((purpose) => standingOf(standings, purpose)?.shown !== undefined))
    return undefined
  const spoken = decisionIn(message.text)
  if (spoken) return spoken
  if (desk.heldOf(turn) === 0) return undefined
  const { buttons } = consentCard(tenant, language, wanted)
  const does = buttonNamed(message.text, buttons)?.does
  const wish = does?.kind === 'action' ? wishIn(does.action)?.wish : undefined
  return wish === 'agree' || wish === 'agree-required' || wish === 'decline' ? wish : undefined
}

async function decide(deps: ConsentDeps, visit: Visit, decision: Decision): Promise<void> {
  const { desk, endings } = deps
  const { tenant, language } = visit
  const turn = await endings.advance(visit.turn, 'answering', `consent ${decision}`)
  const { wanted, held } = await desk.decide(visit, decision)
  // The notice has changed since it was shown.
  if (decision !== 'decline' && wanted.required.length > 0) return desk.show({ ...visit, turn }, wanted)
  const text = decision === 'decline' ? say(tenant, language, 'privacy.declined', {}) : thanks(visit, held)
  await endings.answer(turn, text, plainRoute('privacy', 'privacy'))
  await desk.settle(turn, decision)
}

/** What a client says by itself, without a word in the chat. */
async function event({ desk, endings }: ConsentDeps, visit: Visit, next: Next): Promise<void> {
  const { turn, language } = visit
  const { type, subject = '' } = turn.message.chatEvent ?? {}
  const purposes = named(visit, subject)
  switch (type) {
    case ChatEventType.CONSENT_GIVEN: {
      if (subject === '') await desk.decide(visit, 'agree')
      else await desk.say(turn, language, purposes, 'given')
      await endings.silent(turn, purposes.length > 0 ? 'consent-given' : 'consent-unknown')
      const { required } = await desk.wanted(visit)
      if (required.length === 0) await desk.settle(turn, 'agree')
      return
    }
    case ChatEventType.CONSENT_WITHDRAWN:
      await desk.say(turn, language, purposes, 'withdrawn')
      return endings.silent(turn, purposes.length > 0 ? 'consent-withdrawn' : 'consent-unknown')
    default:
      return next(visit)
  }
}

async function fulfil(deps: ConsentDeps, visit: Visit, wish: PrivacyWish): Promise<void> {
  const { desk, endings } = deps
  const { tenant, language } = visit
  switch (wish.wish) {
    case 'agree-required':
    case 'decline':
      return decide(deps, visit, wish.wish)
    case 'agree': {
      if (wish.purpose === '') return decide(deps, visit, 'agree')
      const purposes = named(visit, wish.purpose)
      if (purposes.length === 0) return privacyAnswer(deps, visit, { wish: 'unknown' })
      const turn = await endings.advance(visit.turn, 'answering', 'consent given')
      await desk.say(turn, language, purposes, 'given')
      const { required } = await desk.wanted(visit)
      await endings.answer(turn, thanks(visit, required.length > 0 ? 0 : desk.heldOf(turn)), ROUTE)
      if (required.length === 0) await desk.settle(turn, 'agree')
      return
    }
    case 'withdraw': {
      const purposes = named(visit, wish.purpose)
      if (purposes.length === 0 && wish.purpose !== '') return privacyAnswer(deps, visit, { wish: 'unknown' })
      const standings = await desk.standings(visit.turn)
      const given = purposes.filter((purpose) => standingOf(standings, purpose)?.said === 'given')
      const turn = await endings.advance(visit.turn, 'answering', 'consent withdrawn')
      if (given.length === 0) {
        return endings.answer(turn, say(tenant, language, 'privacy.nothing-given', {}), ROUTE)
      }
      await desk.say(turn, language, given, 'withdrawn')
      const titles = given.map((purpose) => titleOf(tenant, language, purpose)).join(', ')
      const lines = [
        say(tenant, language, 'privacy.withdrawn', { titles }),
        ...(given.some(({ required }) => required)
          ? [say(tenant, language, 'privacy.withdrawn-required', {})]
          : []),
      ]
      return endings.answer(turn, lines.join('\n'), ROUTE)
    }
    case 'show':
    case 'export':
    case 'erase':
      return privacyAnswer(deps, visit, wish)
    default:
      return wish satisfies never
  }
}

const ROUTE = plainRoute(CONSENT_CARD, 'privacy')

/** The purposes of basis consent here that a word names by id or title; all for no word. */
function named({ tenant, turn, language }: Visit, word: string): readonly Purpose[] {
  const here = purposesOn(tenant.file.privacy, turn.message.channelId).filter(
    ({ basis }) => basis === 'consent',
  )
  if (word === '') return here
  const wanted = normalise(word)
  return here.filter(
    (purpose) => purpose.id === wanted || normalise(titleOf(tenant, language, purpose)) === wanted,
  )
}
