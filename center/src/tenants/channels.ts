import { matchesGlob } from './glob.js'
import type { Told, Wording } from './problem.js'
import { A_NAME, ChannelYaml, CONNECTED, NAME } from './schema/index.js'
import type { ReadSites } from './sites.js'
import type { Texts } from './tenant-files.js'
import { isMap, nearest, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

/** A bot account on a platform. */
export interface TenantChannel extends ChannelYaml {
  readonly name: string
}

export interface ReadChannels {
  readonly channels: readonly TenantChannel[]
  /** What is wrong with the name of a channel; undefined for every name while channels.yaml cannot be read. */
  missing(name: string): Wording | undefined
}

const FILE = 'channels.yaml'
const IS_NAME = new RegExp(NAME)
const isChannel = schemaCheck(ChannelYaml)

/** Reads `channels.yaml`; without it the tenant has `web` and `mqtt`. */
export function readChannels(texts: Texts, sites: ReadSites, told: Told): ReadChannels {
  if (!texts.has(FILE)) {
    const channels = CONNECTED.map((platform) => ({ name: platform, platform }))
    return { channels, missing: (name) => missingIn(name, CONNECTED) }
  }
  const text = texts.get(FILE)
  const document = text === undefined ? undefined : parseYaml(FILE, text, told.problems)
  if (!document || !isMap(document.value)) {
    if (document) told.problems.push(document.misread([], NOT_CHANNELS))
    return { channels: [], missing: () => undefined }
  }
  const { value } = document
  const channels: TenantChannel[] = []
  for (const [name, channel] of Object.entries(value)) {
    if (!IS_NAME.test(name)) told.problems.push(document.misread([name], BAD_NAME))
    if (!isChannel(document, [name], channel, told.problems)) continue
    channels.push({ name, ...channel })
    checkChannel(document, name, channel, sites, told)
  }
  return { channels, missing: (name) => missingIn(name, Object.keys(value)) }
}

function checkChannel(
  document: YamlDocument,
  name: string,
  { platform, sites = [] }: ChannelYaml,
  known: ReadSites,
  told: Told,
): void {
  if (!(CONNECTED as readonly string[]).includes(platform)) {
    told.warnings.push(document.at([name, 'platform'], notConnected(platform)))
  }
  if (!known.isRead) return
  for (const [i, pattern] of sites.entries()) {
    if (known.sites.some(({ site }) => matchesGlob(pattern, site))) continue
    told.warnings.push(document.at([name, 'sites', i], MATCHES_NONE))
  }
}

function missingIn(name: string, names: readonly string[]): Wording | undefined {
  if (names.includes(name)) return undefined
  const near = nearest(name, names)
  return {
    en: `there is no channel ${name}; ${near === undefined ? `known: ${names.join(', ')}` : `did you mean ${near}?`}`,
    zh: `没有名为 ${name} 的渠道；${near === undefined ? `已有：${names.join('、')}` : `是不是 ${near}？`}`,
  }
}

function notConnected(platform: string): Wording {
  return {
    en: `this version does not connect to ${platform} yet; the entry is kept`,
    zh: `本版本尚不能连接 ${platform}；该条目会保留`,
  }
}

const NOT_CHANNELS: Wording = {
  en: 'must map names to channels, such as “web: {platform: web}”',
  zh: '应为名称到渠道的映射，例如“web: {platform: web}”',
}
const BAD_NAME: Wording = { en: `must be ${A_NAME.en}`, zh: `应为${A_NAME.zh}` }
const MATCHES_NONE: Wording = { en: 'matches no site of sites.csv', zh: 'sites.csv 中没有匹配的网点' }
