import type { Privacy } from '@yizhan/intent'
// Past the folder's index: privacy asks the catalog for what stands here.
import { AUDIT_FLOOR_MS, DATA_CLASSES } from '../privacy/data-classes.js'
import type { ReadChannels } from './channels.js'
import { notADuration, readDuration } from './duration.js'
import type { Told, Wording } from './problem.js'
import { CONNECTED, type PrivacyYaml } from './schema/index.js'
import { checkSentence, type Languages, sentenceOf } from './sentence.js'
import { isMap, nearest, type YamlDocument } from './yaml/index.js'

const PENDING_MS = 86_400_000
const MIN_PENDING_MS = 60_000
const MAX_PENDING_MS = 30 * 86_400_000
const MIN_LEASE_MS = 3_600_000

/** What the schema cannot say of `privacy` in tenant.yaml; `value` is any value. */
export function checkPrivacy(
  document: YamlDocument,
  value: unknown,
  parts: { readonly channels: ReadChannels; readonly languages: Languages },
  told: Told,
): void {
  if (!isMap(value)) return
  for (const [id, purpose] of Object.entries(isMap(value.purposes) ? value.purposes : {})) {
    if (isMap(purpose)) checkPurpose(document, id, purpose, parts, told)
  }
  for (const [name, text] of Object.entries(isMap(value.retention) ? value.retention : {})) {
    checkRetention(document, name, text, told)
  }
  checkDuration(document, 'pendingConsent', value.pendingConsent, told, (ms) =>
    ms < MIN_PENDING_MS || ms > MAX_PENDING_MS ? PENDING_BOUNDS : undefined,
  )
  checkDuration(document, 'offlineLease', value.offlineLease, told, (ms) =>
    ms < MIN_LEASE_MS ? LEASE_BOUND : undefined,
  )
}

function checkPurpose(
  document: YamlDocument,
  id: string,
  purpose: Readonly<Record<string, unknown>>,
  { channels, languages }: { readonly channels: ReadChannels; readonly languages: Languages },
  told: Told,
): void {
  const at = ['privacy', 'purposes', id]
  checkSentence(document, [...at, 'title'], purpose.title, languages, told)
  checkSentence(document, [...at, 'notice'], purpose.notice, languages, told)
  if (purpose.basis === 'consent' && purpose.notice === undefined)
    told.problems.push(document.at(at, NO_NOTICE))
  const named: unknown[] = Array.isArray(purpose.channels) ? purpose.channels : []
  for (const [i, channel] of named.slice(0, 100).entries()) {
    const missing = typeof channel === 'string' ? channels.missing(channel) : undefined
    if (missing) told.problems.push(document.misread([...at, 'channels', i], missing))
  }
}

function checkRetention(document: YamlDocument, name: string, text: unknown, told: Told): void {
  const path = ['privacy', 'retention', name]
  const ids = DATA_CLASSES.filter(({ lies }) => lies !== 'key store' && lies !== 'backup').map(({ id }) => id)
  if (!ids.includes(name)) {
    const near = nearest(name, ids)
    told.problems.push(
      document.at(path, {
        en: `there is no data class ${name}${near === undefined ? `; known: ${ids.join(', ')}` : `; did you mean ${near}?`}`,
        zh: `没有数据类别 ${name}${near === undefined ? `；已有：${ids.join('、')}` : `，是不是 ${near}？`}`,
      }),
    )
    return
  }
  if (typeof text !== 'string' || text.trim() === '') return
  const ms = readDuration(text)
  if (ms === undefined) told.problems.push(document.at(path, notADuration(text)))
  else if (name === 'audit' && ms < AUDIT_FLOOR_MS) told.problems.push(document.at(path, AUDIT_FLOOR))
}

function checkDuration(
  document: YamlDocument,
  key: 'pendingConsent' | 'offlineLease',
  text: unknown,
  told: Told,
  bound: (ms: number) => Wording | undefined,
): void {
  if (typeof text !== 'string' || text.trim() === '') return
  const ms = readDuration(text)
  const wrong = ms === undefined ? notADuration(text) : bound(ms)
  if (wrong) told.problems.push(document.at(['privacy', key], wrong))
}

/** What edges and the center get. */
export function privacyOf(
  privacy: PrivacyYaml,
  languages: Languages,
  known: ReadChannels['channels'],
): Privacy {
  const { contact, purposes = {}, retention = {}, pendingConsent, offlineLease } = privacy
  const ms = (text: string | undefined, otherwise: number) =>
    (text === undefined ? undefined : readDuration(text)) ?? otherwise
  return {
    ...(contact !== undefined && { contact }),
    purposes: Object.entries(purposes).map(([id, purpose]) => {
      const { basis, title, notice, version, channels, recipients } = purpose
      return {
        id,
        title: sentenceOf(title, languages),
        basis,
        version,
        required: purpose.required ?? basis === 'consent',
        crossBorder: purpose.crossBorder ?? false,
        ...(notice !== undefined && { notice: sentenceOf(notice, languages) }),
        ...(channels && { channels: asEdgesKnow(channels, known) }),
        ...(recipients && { recipients: [...recipients] }),
      }
    }),
    retentionMs: Object.fromEntries(Object.entries(retention).map(([name, text]) => [name, ms(text, 0)])),
    pendingConsentMs: ms(pendingConsent, PENDING_MS),
    offlineLeaseMs: ms(offlineLease, 0),
  }
}

/** By their names, and by the one that the page and MQTT clients have in common at an edge. */
function asEdgesKnow(names: readonly string[], known: ReadChannels['channels']): string[] {
  const isOwn = (name: string) => {
    const platform = known.find((channel) => channel.name === name)?.platform
    return CONNECTED.some((connected) => connected === platform)
  }
  return [...new Set([...names, ...(names.some(isOwn) ? ['mqtt'] : [])])]
}

const NO_NOTICE: Wording = {
  en: 'has no notice: with basis consent people must be told what they agree to',
  zh: '缺少 notice：以同意为基础时，须告知同意的内容',
}
const AUDIT_FLOOR: Wording = {
  en: 'is below 180 days, for which the audit is kept in any case',
  zh: '少于 180 天；审计记录至少保存 180 天',
}
const PENDING_BOUNDS: Wording = { en: 'must be 1m to 30d', zh: '应为 1 分钟至 30 天' }
const LEASE_BOUND: Wording = { en: 'must be 1h or more', zh: '不得少于 1 小时' }
