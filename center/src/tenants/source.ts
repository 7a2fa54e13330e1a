import { type LanguageMap, type MessageProblem, messageProblem, type TenantFile } from '@yizhan/intent'
import { asTenantId, type TenantId } from '@yizhan/kernel'
import type { KnowledgeDocument } from '../retrieval/index.js'
import { type ReadIntent, type ReadIntents, readIntents } from './intents.js'
import { readKnowledge } from './knowledge-files.js'
import { inOrder, type Problem, type Wording } from './problem.js'
import { TenantYaml } from './schema.js'
import { foreignTag, foreignTags, type Languages, sentenceOf } from './sentence.js'
import { decodeFiles, relevantFiles, type TenantFiles, type Texts, tooMuch } from './tenant-files.js'
import { noIntent, readTests, type TenantTest } from './test-files.js'
import { isMap, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

/** A tenant directory that was read without a problem. */
export interface TenantSource {
  readonly tenant: TenantId
  /** What was read, without READMEs and the like. */
  readonly files: TenantFiles
  readonly file: TenantFile
  readonly examples: readonly { readonly text: string; readonly intent: string }[]
  readonly documents: readonly KnowledgeDocument[]
  readonly tests: readonly TenantTest[]
}

const MAIN = 'tenant.yaml'
const isTenant = schemaCheck(TenantYaml)

/** Either the source, or every problem of it; warnings are for the author and hinder nothing. Both in the order of the files. */
export type ReadTenant =
  | { readonly source: TenantSource; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] }

/** Reads a whole directory. */
export async function readTenant(files: TenantFiles): Promise<ReadTenant> {
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const kept = relevantFiles(files)
  const much = tooMuch(kept)
  if (much) return { problems: [much], warnings }
  const texts = decodeFiles(kept, problems)
  const main = readMain(texts, problems)
  const languages = languagesOf(main?.document.value)
  const intents = readIntents(texts, languages, problems)
  const knowledge = readKnowledge(texts, problems)
  for (const { name, at } of intents.uses) {
    if (!knowledge.mayExist(name)) problems.push(at(noKnowledge(name)))
  }
  const tests = readTests(texts, intents, problems)
  if (main) checkMain(main.document, intents, languages, problems)
  const tenant = main?.value && asTenantId(main.value.tenant)
  if (!main?.value || !tenant || problems.length > 0)
    return { problems: inOrder(problems), warnings: inOrder(warnings) }
  const { whole } = intents
  const examples = [...whole].flatMap(([id, { asks }]) => asks.map((text) => ({ text, intent: id })))
  const file = compileFile(main.value, whole)
  const source = { tenant, files: kept, file, examples, documents: knowledge.documents, tests }
  return { source, warnings: inOrder(warnings) }
}

/** The documents of a directory, as far as they can be read. */
export async function readDocuments(files: TenantFiles): Promise<readonly KnowledgeDocument[]> {
  return readKnowledge(decodeFiles(relevantFiles(files), []), []).documents
}

interface Main {
  readonly document: YamlDocument
  /** Undefined if it does not fit. */
  readonly value: TenantYaml | undefined
}

function readMain(texts: Texts, problems: Problem[]): Main | undefined {
  const text = texts.get(MAIN)
  if (!texts.has(MAIN)) problems.push({ file: MAIN, path: '', message: MISSING })
  const document = text === undefined ? undefined : parseYaml(MAIN, text, problems)
  if (!document) return undefined
  const { value } = document
  return { document, value: isTenant(document, [], value, problems) ? value : undefined }
}

/** Also of a file that is otherwise wrong, so that it does not hide what is wrong in the others. */
function languagesOf(value: unknown): Languages {
  const languages: unknown = isMap(value) ? value.languages : undefined
  if (!Array.isArray(languages) || languages.length === 0) return undefined
  return languages.every((tag) => typeof tag === 'string') ? languages : undefined
}

/** What the schema cannot say of tenant.yaml. */
function checkMain(
  document: YamlDocument,
  intents: ReadIntents,
  languages: Languages,
  problems: Problem[],
): void {
  const value = isMap(document.value) ? document.value : {}
  const welcome = isMap(value.welcome) ? value.welcome : {}
  const messages = isMap(value.messages) ? value.messages : {}
  const sentences: [string[], unknown][] = [
    [['name'], value.name],
    [['welcome', 'text'], welcome.text],
    ...Object.entries(messages).map(([key, text]): [string[], unknown] => [['messages', key], text]),
  ]
  for (const [path, sentence] of sentences) {
    for (const tag of foreignTags(sentence, languages)) {
      problems.push(document.at([...path, tag], foreignTag(languages)))
    }
  }
  checkMessages(document, messages, problems)
  const suggest: unknown[] = Array.isArray(welcome.suggest) ? welcome.suggest : []
  for (const [i, id] of suggest.entries()) {
    if (typeof id === 'string' && !intents.mayExist(id)) {
      problems.push(document.at(['welcome', 'suggest', i], noIntent(id)))
    }
  }
}

/** A tenant's own words for a built-in sentence: it must exist, and may name only what the edge fills in. */
function checkMessages(
  document: YamlDocument,
  messages: Readonly<Record<string, unknown>>,
  problems: Problem[],
): void {
  for (const [key, value] of Object.entries(messages)) {
    for (const text of isMap(value) ? Object.values(value) : [value]) {
      const problem = messageProblem(key, String(text))
      if (!problem) continue
      problems.push(document.at(['messages', key], messageWording(problem)))
      break
    }
  }
}

function messageWording(problem: MessageProblem): Wording {
  return problem.unknown === 'key'
    ? { en: 'is not the key of a built-in sentence', zh: '不是内置语句的键' }
    : { en: `there is no {${problem.name}} in this sentence`, zh: `该语句没有 {${problem.name}}` }
}

function compileFile(value: TenantYaml, intents: ReadonlyMap<string, ReadIntent>): TenantFile {
  const { tenant, languages, welcome, messages = {}, operatingPoint = 'balanced' } = value
  const said = (sentence: string | LanguageMap) => sentenceOf(sentence, languages)
  return {
    format: 1,
    tenant,
    name: said(value.name),
    languages,
    operatingPoint,
    ...(welcome && {
      welcome: {
        text: said(welcome.text),
        suggest: (welcome.suggest ?? []).map((id) => questionsOf(intents.get(id)?.asks ?? [], languages)),
      },
    }),
    messages: Object.fromEntries(Object.entries(messages).map(([key, text]) => [key, said(text)])),
    intents: Object.fromEntries(
      [...intents].map(([id, { asks, reply, offline }]) => {
        const title = questionsOf(asks, languages)
        return [id, { title, reply, ...(offline && { offline }) }]
      }),
    ),
  }
}

/** For each language the first example in its script, or the first at all. */
function questionsOf(asks: readonly string[], languages: readonly string[]): LanguageMap {
  const inScript = (language: string) => {
    const isChinese = language.startsWith('zh')
    return asks.find((ask) => /\p{Script=Han}/u.test(ask) === isChinese) ?? asks[0] ?? ''
  }
  return Object.fromEntries(languages.map((language) => [language, inScript(language)]))
}

function noKnowledge(name: string): Wording {
  return { en: `there is no knowledge named ${name}`, zh: `没有名为 ${name} 的知识库` }
}

const MISSING: Wording = { en: 'is missing; it names the tenant', zh: '缺少此文件；它说明租户是谁' }
