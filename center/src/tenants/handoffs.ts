import type { Handoff } from '@yizhan/intent'
import type { ReadChannels } from './channels.js'
import { isTimezone, NO_TIMEZONE, readHours } from './opening-hours.js'
import type { Told, Wording } from './problem.js'
import type { HandoffYaml } from './schema/index.js'
import { isMap, nearest, type YamlDocument } from './yaml/index.js'

/** What the schema cannot say of `handoff` in tenant.yaml; `value` is any value. */
export function checkHandoffs(
  document: YamlDocument,
  value: unknown,
  channels: ReadChannels,
  told: Told,
): void {
  for (const [name, handoff] of Object.entries(isMap(value) ? value : {})) {
    if (!isMap(handoff)) continue
    const at = (key: string, message: Wording) =>
      told.problems.push(document.misread(['handoff', name, key], message))
    const { channel, hours, timezone } = handoff
    const missing = typeof channel === 'string' ? channels.missing(channel) : undefined
    if (missing) at('channel', missing)
    const read = typeof hours === 'string' && hours.trim() !== '' ? readHours(hours) : undefined
    if (read && 'wrong' in read) told.problems.push(document.at(['handoff', name, 'hours'], read.wrong))
    if (typeof timezone === 'string' && !isTimezone(timezone)) at('timezone', NO_TIMEZONE)
  }
}

/** In the order of the file: the first is for `/human`. */
export function handoffsOf(
  handoffs: Readonly<Record<string, HandoffYaml>>,
): (Handoff & { readonly name: string })[] {
  return Object.entries(handoffs).map(([name, { hours, otherwise = 'ticket', ...rest }]) => {
    const read = hours === undefined ? undefined : readHours(hours)
    return {
      ...rest,
      name,
      otherwise,
      ...(hours !== undefined && read && 'hours' in read && { hours: read.hours, hoursText: hours }),
    }
  })
}

/** What a name of no hand-off is told. */
export function noHandoff(name: string, handoffs: unknown): Wording {
  const near = nearest(name, isMap(handoffs) ? Object.keys(handoffs) : [])
  return {
    en: `there is no handoff ${name} in tenant.yaml${near === undefined ? '' : `; did you mean ${near}?`}`,
    zh: `tenant.yaml 的 handoff 中没有 ${name}${near === undefined ? '' : `，是不是 ${near}？`}`,
  }
}
