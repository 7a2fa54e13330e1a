import type { ClassReaders, DocumentClasses } from '../retrieval/index.js'
import type { ReadChannels } from './channels.js'
import type { Told, Wording } from './problem.js'
import type { DocumentClassesYaml } from './schema/index.js'
import { isMap, nearest, type YamlDocument } from './yaml/index.js'

/** The channel of programs at the OpenAI-compatible front. */
const PROGRAMS = 'api'
const MAX_LOOKED_AT = 1_000

/** What the schema cannot say of `documentClasses` in tenant.yaml; `value` is any value. */
export function checkDocumentClasses(
  document: YamlDocument,
  value: unknown,
  channels: ReadChannels,
  told: Told,
): void {
  for (const [name, readers] of Object.entries(isMap(value) ? value : {})) {
    if (!isMap(readers)) continue
    const at = ['documentClasses', name]
    const missing = (channel: string) => (channel === PROGRAMS ? undefined : channels.missing(channel))
    for (const [i, channel] of texts(readers.channels)) {
      const problem = missing(channel)
      if (problem) told.problems.push(document.misread([...at, 'channels', i], problem))
    }
    for (const [i, person] of texts(readers.people)) {
      const slash = person.indexOf('/')
      const problem = slash < 1 || slash === person.length - 1 ? NO_PERSON : missing(person.slice(0, slash))
      if (problem) told.problems.push(document.misread([...at, 'people', i], problem))
    }
    // A client of the page or of MQTT writes any department that it likes.
    if (texts(readers.departments).length > 0 && texts(readers.channels).length === 0)
      told.problems.push(document.at([...at, 'departments'], WHERE))
  }
}

export function documentClassesOf(given: DocumentClassesYaml | undefined): DocumentClasses | undefined {
  if (!given) return undefined
  const nobody: ClassReaders = { everybody: false, channels: [], departments: [], people: [], groups: false }
  return Object.fromEntries(Object.entries(given).map(([name, readers]) => [name, { ...nobody, ...readers }]))
}

/** What a class is told that is not among these. */
export function noClass(name: string, classes: Readonly<Record<string, unknown>>): Wording {
  const near = nearest(name, Object.keys(classes))
  return {
    en: `nobody may see the class ${name}: it is not in documentClasses of tenant.yaml${near === undefined ? '' : `; did you mean ${near}?`}`,
    zh: `分级 ${name} 无人可见：tenant.yaml 的 documentClasses 中没有它${near === undefined ? '' : `，是不是 ${near}？`}`,
  }
}

/** What a class is told where a tenant has none. */
export function hidesNothing(name: string): Wording {
  return {
    en: `the class ${name} hides nothing: without documentClasses in tenant.yaml everybody may see every document`,
    zh: `分级 ${name} 不起作用：tenant.yaml 没有 documentClasses，所有人都能看到所有文档`,
  }
}

function texts(value: unknown): (readonly [number, string])[] {
  const list: unknown[] = Array.isArray(value) ? value.slice(0, MAX_LOOKED_AT) : []
  return list.flatMap((text, i) => (typeof text === 'string' ? [[i, text] as const] : []))
}

const NO_PERSON: Wording = {
  en: 'must be a channel and its id of a person, such as dingtalk/u123',
  zh: '应为渠道及其中的用户 id，例如 dingtalk/u123',
}
const WHERE: Wording = {
  en: 'needs “channels”: on which of them what is said of a department can be trusted',
  zh: '需要“channels”：说明在哪些渠道上部门信息可信',
}
