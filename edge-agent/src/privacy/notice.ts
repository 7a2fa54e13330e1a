import type { Purpose } from '@yizhan/intent'
import type { ReplyCard } from '../ledger/index.js'
import { say } from '../skills/index.js'
import { inLanguage, type LiveTenant } from '../tenants/index.js'
import type { Wanted } from './wanted.js'

/** Of the card that asks for consent. */
export const CONSENT_CARD = 'privacy.consent'
/** Of the card that asks whether an erasure is meant. */
export const ERASE_CARD = 'privacy.erase'

const HOUR = 3_600_000

/** What is asked, as a card with a button for each answer; its text says the same. */
export function consentCard(tenant: LiveTenant, language: string, wanted: Wanted): ReplyCard {
  const { privacy } = tenant.file
  const { required, optional, told } = wanted
  const hours = Math.max(1, Math.round((privacy?.pendingConsentMs ?? HOUR) / HOUR))
  const text = [
    say(tenant, language, 'privacy.ask', {}),
    ...[...required, ...optional].map((purpose) => purposeLine(tenant, language, purpose)),
    ...(told.length > 0 ? [say(tenant, language, 'privacy.tell', {})] : []),
    ...told.map((purpose) => purposeLine(tenant, language, purpose)),
    ...contactLine(tenant, language),
    say(tenant, language, 'privacy.until', { hours }),
  ].join('\n')
  const button = (label: string, action: string, style?: 'primary') => ({
    label,
    does: { kind: 'action', action } as const,
    ...(style === undefined ? {} : { style }),
  })
  return {
    id: CONSENT_CARD,
    title: say(tenant, language, 'privacy.title', {}),
    text,
    facts: [],
    buttons: [
      button(say(tenant, language, 'privacy.agree', {}), '/privacy agree', 'primary'),
      ...(optional.length > 0
        ? [button(say(tenant, language, 'privacy.agree-required', {}), '/privacy agree-required')]
        : []),
      button(say(tenant, language, 'privacy.decline', {}), '/privacy decline'),
    ],
  }
}

/** What is told beside an answer where nothing is waited for; undefined if there is nothing to tell. */
export function toldText(tenant: LiveTenant, language: string, wanted: Wanted): string | undefined {
  const { optional, told } = wanted
  if (optional.length + told.length === 0) return undefined
  const optionalLines = optional.map(
    (purpose) => `${purposeLine(tenant, language, purpose)} /privacy agree ${purpose.id}`,
  )
  const lines = [...told.map((purpose) => purposeLine(tenant, language, purpose)), ...optionalLines]
  return [say(tenant, language, 'privacy.tell', {}), ...lines, ...contactLine(tenant, language)].join('\n')
}

export function titleOf({ file }: LiveTenant, language: string, { title }: Purpose): string {
  return inLanguage(title, language, file.languages)
}

function purposeLine(tenant: LiveTenant, language: string, purpose: Purpose): string {
  const { languages } = tenant.file
  const { version, notice, crossBorder, recipients = [] } = purpose
  const title = say(tenant, language, 'privacy.purpose', {
    title: titleOf(tenant, language, purpose),
    version,
  })
  const isOptional = purpose.basis === 'consent' && !purpose.required
  const mark = isOptional ? ` [${say(tenant, language, 'privacy.optional', {})}]` : ''
  return [
    `· ${title}${mark}${notice ? `: ${inLanguage(notice, language, languages)}` : ''}`,
    ...(crossBorder ? [say(tenant, language, 'privacy.abroad', {})] : []),
    ...(recipients.length > 0
      ? [say(tenant, language, 'privacy.recipients', { names: recipients.join(', ') })]
      : []),
  ].join(' ')
}

function contactLine(tenant: LiveTenant, language: string): string[] {
  const contact = tenant.file.privacy?.contact
  return contact === undefined ? [] : [say(tenant, language, 'privacy.contact', { contact })]
}
