import type { Privacy, Purpose } from '@yizhan/intent'
import type { Standing, Standings } from './consent-book.js'

/** What a person has to be asked or told before anything of theirs is used. */
export interface Wanted {
  /** Nobody is answered without these: consent is lacking, or was given to an older notice. */
  readonly required: readonly Purpose[]
  /** Consent is asked for, but not waited for: nothing was said of this notice yet. */
  readonly optional: readonly Purpose[]
  /** Need no consent, and this notice was not shown yet. */
  readonly told: readonly Purpose[]
}

/** Pure. `channel`: of the message. */
export function wantedOf(privacy: Privacy | undefined, channel: string, standings: Standings): Wanted {
  const here = purposesOn(privacy, channel)
  const lacking = here.filter(({ basis }) => basis === 'consent')
  return {
    required: lacking.filter(
      (purpose) => purpose.required && !isGiven(purpose, standingOf(standings, purpose)),
    ),
    optional: lacking.filter(
      (purpose) => !purpose.required && !isSaid(purpose, standingOf(standings, purpose)),
    ),
    told: untold(
      here.filter(({ basis, notice }) => basis !== 'consent' && notice !== undefined),
      standings,
    ),
  }
}

export function purposesOn(privacy: Privacy | undefined, channel: string): readonly Purpose[] {
  return (privacy?.purposes ?? []).filter(
    ({ channels }) => channels === undefined || channels.includes(channel),
  )
}

/** Those whose notice of now the person has not seen. */
export function untold(purposes: readonly Purpose[], standings: Standings): readonly Purpose[] {
  return purposes.filter((purpose) => standingOf(standings, purpose)?.shown !== purpose.version)
}

export function standingOf(standings: Standings, { id }: Pick<Purpose, 'id'>): Standing | undefined {
  return Object.hasOwn(standings, id) ? standings[id] : undefined
}

export function isGiven({ version }: Purpose, standing: Standing | undefined): boolean {
  return standing?.said === 'given' && standing.version === version
}

function isSaid({ version }: Purpose, standing: Standing | undefined): boolean {
  return standing?.said !== undefined && standing.version === version
}
