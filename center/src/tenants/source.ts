import { Type } from '@sinclair/typebox'
import type { IntentReply, LanguageMap, TenantFile } from '@yizhan/intent'
import type { KnowledgeDocument } from '../retrieval/index.js'
import type { Problem } from './problem.js'
import { IntentYaml, KnowledgeYaml, TenantYaml, TestsYaml } from './schema.js'
import { readYaml, type YamlFile } from './yaml-file.js'

/** The files of a tenant directory: path relative to it with `/`, content in bytes. */
export type TenantFiles = ReadonlyMap<string, Uint8Array>

/** A sentence that must get an expected answer before anything goes live. */
export interface TenantTest {
  readonly file: string
  readonly line: number
  readonly say: string
  readonly expect: { readonly intent?: string; readonly by?: 'edge' | 'center'; readonly has?: string }
}

/** A tenant directory that was read without a problem. */
export interface TenantSource {
  readonly tenant: string
  readonly file: TenantFile
  readonly examples: readonly { readonly text: string; readonly intent: string }[]
  readonly documents: readonly KnowledgeDocument[]
  readonly tests: readonly TenantTest[]
}

/** One file is one stored value. */
const MAX_FILE_BYTES = 1024 * 1024
export const MAX_TENANT_FILES = 2_000
export const MAX_TENANT_BYTES = 32 * 1024 * 1024
/** Intent ids: words of `a-z 0-9 - _` joined by dots. */
const INTENT_ID = /^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$/
const IntentsYaml = Type.Record(Type.String(), IntentYaml)
const READ = [
  /^tenant\.yaml$/,
  /^knowledge\.yaml$/,
  /^intents\/[^/]+\.yaml$/,
  /^knowledge\/.+\.(md|txt)$/,
  /^tests\/[^/]+\.yaml$/,
]
const IGNORED = /(^|\/)(\.|README(\.[a-zA-Z-]+)?\.md$|LICENSE)/

/** Reads a whole directory; either the source, or every problem of it. */
export function readTenant(
  files: TenantFiles,
): { readonly source: TenantSource } | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const texts = decode(files, problems)
  const tenantText = texts.get('tenant.yaml')
  if (tenantText === undefined) {
    problems.push({ file: 'tenant.yaml', path: '', message: 'is missing; it names the tenant' })
    return { problems }
  }
  const tenant = readYaml('tenant.yaml', tenantText, TenantYaml, problems)
  const languages = tenant?.value.languages ?? ['en']
  const intents = readIntents(texts, languages, problems)
  const documents = readKnowledge(texts, problems)
  checkKnowledgeNames(intents, new Set(documents.map((d) => d.knowledge)), problems)
  const tests = readTests(texts, intents, problems)
  if (!tenant || problems.length > 0) return { problems }
  const file = compileFile(tenant, intents, problems)
  if (problems.length > 0) return { problems }
  const examples = [...intents].flatMap(([id, i]) => i.asks.map((text) => ({ text, intent: id })))
  return { source: { tenant: tenant.value.tenant, file, examples, documents, tests } }
}

interface ReadIntent {
  readonly asks: readonly string[]
  readonly reply: IntentReply
  readonly offline: LanguageMap | undefined
  readonly at: (path: readonly string[], message: string) => Problem
}

function decode(files: TenantFiles, problems: Problem[]): Map<string, string> {
  const texts = new Map<string, string>()
  for (const [file, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (IGNORED.test(file)) continue
    if (!READ.some((pattern) => pattern.test(file))) {
      problems.push({ file, path: '', message: 'is not a file that this version reads; rename or remove it' })
      continue
    }
    if (bytes.byteLength > MAX_FILE_BYTES) {
      problems.push({ file, path: '', message: 'is larger than 1 MiB; split it' })
      continue
    }
    try {
      texts.set(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    } catch {
      problems.push({ file, path: '', message: 'is not UTF-8' })
    }
  }
  return texts
}

function sentence(value: string | LanguageMap, languages: readonly string[]): LanguageMap {
  return typeof value === 'string' ? { [languages[0] ?? 'en']: value } : value
}

function replyOf(reply: IntentYaml['reply'], languages: readonly string[]): IntentReply {
  if (typeof reply === 'string') return { kind: 'text', text: sentence(reply, languages) }
  if ('forward' in reply && typeof reply.forward === 'object') {
    return { kind: 'forward', knowledge: [...(reply.forward as { knowledge: string[] }).knowledge] }
  }
  if ('skill' in reply && typeof reply.skill === 'string') return { kind: 'skill', skill: reply.skill }
  if ('text' in reply)
    return { kind: 'text', text: sentence((reply as { text: string | LanguageMap }).text, languages) }
  return { kind: 'text', text: reply as LanguageMap }
}

function readIntents(
  texts: Map<string, string>,
  languages: readonly string[],
  problems: Problem[],
): Map<string, ReadIntent> {
  const intents = new Map<string, ReadIntent>()
  const where = new Map<string, string>()
  for (const [file, text] of texts) {
    if (!file.startsWith('intents/')) continue
    const yaml = readYaml(file, text, IntentsYaml, problems)
    if (!yaml) continue
    for (const [id, intent] of Object.entries(yaml.value)) {
      if (!INTENT_ID.test(id)) {
        problems.push(yaml.at([id], 'intent ids are lower-case words joined by dots, such as it.vpn'))
        continue
      }
      const first = where.get(id)
      if (first !== undefined) {
        problems.push(yaml.at([id], `stands already in ${first}; an intent has one place`))
        continue
      }
      where.set(id, file)
      const asks = intent.ask
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
      if (asks.length === 0) problems.push(yaml.at([id, 'ask'], 'needs at least one question'))
      intents.set(id, {
        asks,
        reply: replyOf(intent.reply, languages),
        offline: intent.offline === undefined ? undefined : sentence(intent.offline, languages),
        at: (path, message) => yaml.at([id, ...path], message),
      })
    }
  }
  if (intents.size === 0)
    problems.push({ file: 'intents/', path: '', message: 'has no intent; a tenant needs at least one' })
  return intents
}

function readKnowledge(texts: Map<string, string>, problems: Problem[]): KnowledgeDocument[] {
  const text = texts.get('knowledge.yaml')
  const inFolder = [...texts.keys()].filter((file) => file.startsWith('knowledge/'))
  if (text === undefined) {
    for (const file of inFolder)
      problems.push({ file, path: '', message: 'is in no knowledge: name it in knowledge.yaml' })
    return []
  }
  const yaml = readYaml('knowledge.yaml', text, KnowledgeYaml, problems)
  if (!yaml) return []
  const taken = new Map<string, string>()
  for (const [name, entry] of Object.entries(yaml.value)) {
    for (const [i, pattern] of entry.files.entries()) {
      const matched = inFolder.filter((file) => glob(pattern).test(file))
      if (matched.length === 0) problems.push(yaml.at([name, 'files', i], `matches no file (${pattern})`))
      for (const file of matched) {
        const other = taken.get(file)
        if (other !== undefined && other !== name)
          problems.push(yaml.at([name, 'files', i], `${file} is already in ${other}`))
        taken.set(file, name)
      }
    }
  }
  for (const file of inFolder) {
    if (!taken.has(file)) problems.push({ file, path: '', message: 'matches no entry of knowledge.yaml' })
  }
  return [...taken].map(([file, knowledge]) => {
    const body = texts.get(file) ?? ''
    return {
      id: file,
      title: /^#\s+(.+)$/m.exec(body)?.[1]?.trim() ?? file.replace(/^knowledge\//, ''),
      knowledge,
      text: body,
    }
  })
}

/** `*` stands for any run of characters but `/`. */
function glob(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^/]*')}$`,
  )
}

function checkKnowledgeNames(
  intents: Map<string, ReadIntent>,
  names: ReadonlySet<string>,
  problems: Problem[],
): void {
  for (const intent of intents.values()) {
    if (intent.reply.kind !== 'forward') continue
    for (const name of intent.reply.knowledge) {
      if (!names.has(name))
        problems.push(intent.at(['reply', 'forward', 'knowledge'], `there is no knowledge named ${name}`))
    }
  }
}

function readTests(
  texts: Map<string, string>,
  intents: Map<string, ReadIntent>,
  problems: Problem[],
): TenantTest[] {
  const tests: TenantTest[] = []
  for (const [file, text] of texts) {
    if (!file.startsWith('tests/')) continue
    const yaml = readYaml(file, text, TestsYaml, problems)
    if (!yaml) continue
    for (const [i, test] of yaml.value.entries()) {
      const { intent } = test.expect
      const at = yaml.at([i, 'expect', 'intent'], `there is no intent named ${intent}`)
      if (intent !== undefined && intent !== 'oos' && !intents.has(intent)) problems.push(at)
      tests.push({ file, line: at.line ?? 1, say: test.say, expect: test.expect as TenantTest['expect'] })
    }
  }
  return tests
}

function compileFile(
  yaml: YamlFile<TenantYaml>,
  intents: Map<string, ReadIntent>,
  problems: Problem[],
): TenantFile {
  const { value } = yaml
  const suggest = (value.welcome?.suggest ?? []).map((id, i) => {
    const intent = intents.get(id)
    if (!intent) problems.push(yaml.at(['welcome', 'suggest', i], `there is no intent named ${id}`))
    return Object.fromEntries(
      value.languages.map((language) => [language, questionIn(language, intent?.asks ?? [id])]),
    )
  })
  return {
    format: 1,
    tenant: value.tenant,
    name: sentence(value.name, value.languages),
    languages: [...value.languages],
    operatingPoint: value.operatingPoint ?? 'balanced',
    ...(value.welcome ? { welcome: { text: sentence(value.welcome.text, value.languages), suggest } } : {}),
    messages: Object.fromEntries(
      Object.entries(value.messages ?? {}).map(([k, v]) => [k, sentence(v, value.languages)]),
    ),
    intents: Object.fromEntries(
      [...intents].map(([id, i]) => [id, { reply: i.reply, ...(i.offline ? { offline: i.offline } : {}) }]),
    ),
  }
}

/** The first example question in the language's script, or the first at all. */
function questionIn(language: string, asks: readonly string[]): string {
  const chinese = language.startsWith('zh')
  return asks.find((ask) => /\p{Script=Han}/u.test(ask) === chinese) ?? asks[0] ?? ''
}
