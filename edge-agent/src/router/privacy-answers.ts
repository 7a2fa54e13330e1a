import { ERASE_CARD, type PrivacyWish, purposesOn, standingOf, titleOf } from '../privacy/index.js'
import { say } from '../skills/index.js'
import { cardAsText } from './card-view.js'
import type { ConsentDesk } from './consent-desk.js'
import type { Endings } from './endings.js'
import { plainRoute, type Visit } from './visit.js'

export interface PrivacyAnswersDeps {
  readonly desk: ConsentDesk
  readonly endings: Endings
  readonly linkUp: () => boolean
}

type Asked = Extract<PrivacyWish, { wish: 'show' | 'export' | 'erase' }> | { readonly wish: 'unknown' }

const ROUTE = plainRoute('privacy', 'privacy')

/** What `/privacy` shows, and what becomes of a wish that the tenant's people have to fulfil. */
export async function privacyAnswer(deps: PrivacyAnswersDeps, visit: Visit, asked: Asked): Promise<void> {
  const { desk, endings, linkUp } = deps
  const { tenant, language } = visit
  const turn = await endings.advance(visit.turn, 'answering', `privacy ${asked.wish}`)
  const contact = tenant.file.privacy?.contact
  const contactLines = contact === undefined ? [] : [say(tenant, language, 'privacy.contact', { contact })]
  switch (asked.wish) {
    case 'show': {
      const lines = [
        say(tenant, language, 'privacy.held', { count: desk.kept(turn) }),
        ...(await standingLines(deps, visit)),
        ...contactLines,
        say(tenant, language, 'privacy.how', {}),
      ]
      return endings.answer(turn, lines.join('\n'), ROUTE)
    }
    case 'unknown': {
      const purposes = purposesOn(tenant.file.privacy, turn.message.channelId)
      const titles = purposes.filter(({ basis }) => basis === 'consent').map(({ id }) => id)
      return endings.answer(
        turn,
        say(tenant, language, 'privacy.unknown-purpose', { titles: titles.join(', ') }),
        ROUTE,
      )
    }
    case 'erase':
      if (!asked.sure) return confirm(endings, { ...visit, turn })
      await desk.ask(turn, 'erasure', language)
      break
    case 'export':
      await desk.ask(turn, 'export', language)
      break
    default:
      asked satisfies never
  }
  const lines = [
    say(tenant, language, asked.wish === 'erase' ? 'privacy.erase-asked' : 'privacy.export-asked', {}),
    ...(linkUp() ? [] : [say(tenant, language, 'privacy.later', {})]),
    ...contactLines,
  ]
  return endings.answer(turn, lines.join('\n'), ROUTE)
}

async function standingLines({ desk }: PrivacyAnswersDeps, { turn, tenant, language }: Visit) {
  const standings = await desk.standings(turn)
  return purposesOn(tenant.file.privacy, turn.message.channelId).map((purpose) => {
    const standing = standingOf(standings, purpose)
    const isNow = standing?.version === purpose.version
    const day = new Date(standing?.at ?? 0).toISOString().slice(0, 10)
    const state =
      purpose.basis !== 'consent'
        ? say(tenant, language, 'privacy.state-told', {})
        : standing?.said === undefined || !isNow
          ? say(tenant, language, 'privacy.state-open', {})
          : say(tenant, language, `privacy.state-${standing.said}`, { day })
    return `· ${titleOf(tenant, language, purpose)} (${purpose.id}): ${state}`
  })
}

async function confirm(endings: Endings, { turn, tenant, language }: Visit): Promise<void> {
  const label = say(tenant, language, 'privacy.erase-yes', {})
  const card = {
    id: ERASE_CARD,
    title: say(tenant, language, 'privacy.erase-confirm', {}),
    text: '',
    facts: [],
    buttons: [{ label, style: 'danger', does: { kind: 'action', action: '/privacy erase confirm' } }],
  } as const
  await endings.answer(turn, `${cardAsText(card).split('\n')[0]}\n→ /privacy erase confirm`, ROUTE, { card })
}
