import type { KnowledgeDocument } from '../retrieval/index.js'
import { matchesGlob } from './glob.js'
import type { Problem, Told, Wording } from './problem.js'
import { KnowledgeYaml, NAME } from './schema/index.js'
import type { Contents } from './tenant-files.js'
import { isMap, parseYaml, schemaCheck, type YamlDocument } from './yaml/index.js'

export interface ReadKnowledge {
  readonly documents: readonly KnowledgeDocument[]
  /** Data classes that are named, and where. */
  readonly classes: readonly { readonly name: string; readonly at: (message: Wording) => Problem }[]
  /** False if no knowledge has this name; true for every name while knowledge.yaml cannot be read. */
  mayExist(name: string): boolean
}

const INDEX = 'knowledge.yaml'
const FOLDER = 'knowledge/'
const PLAIN = /\.(md|txt)$/
const IS_NAME = new RegExp(NAME)

const isEntry = schemaCheck(KnowledgeYaml)

/**
 * Reads `knowledge.yaml` and the documents below `knowledge/`; every document must be in exactly one knowledge.
 * `extracts`: the text of those that are not plain text; what is in neither is told elsewhere, and left out.
 */
export function readKnowledge(
  { texts, binaries }: Contents,
  extracts: ReadonlyMap<string, string>,
  { problems }: Told,
): ReadKnowledge {
  const files = [...texts.keys(), ...binaries.keys()].filter((file) => file.startsWith(FOLDER)).sort()
  const textOf = (file: string) => extracts.get(file) ?? (PLAIN.test(file) ? texts.get(file) : undefined)
  const index = texts.get(INDEX)
  if (!texts.has(INDEX)) {
    for (const file of files) problems.push({ file, path: '', message: UNLISTED })
    return { documents: [], classes: [], mayExist: () => false }
  }
  const document = index === undefined ? undefined : parseYaml(INDEX, index, problems)
  if (!document || !isMap(document.value)) {
    if (document) problems.push(document.misread([], NOT_KNOWLEDGE))
    return { documents: [], classes: [], mayExist: () => true }
  }
  const { value } = document
  const owners = ownersOf(document, value, files, problems)
  const classes = new Map(
    Object.entries(value).flatMap(([name, entry]) =>
      isMap(entry) && typeof entry.class === 'string' ? [[name, entry.class] as const] : [],
    ),
  )
  return {
    documents: [...owners].flatMap(([file, name]) => {
      const text = textOf(file)
      return text === undefined ? [] : [documentOf(file, name, text, classes.get(name))]
    }),
    classes: [...classes].map(([entry, name]) => ({
      name,
      at: (message) => document.at([entry, 'class'], message),
    })),
    mayExist: (name) => Object.hasOwn(value, name),
  }
}

/** The knowledge of each file. */
function ownersOf(
  document: YamlDocument,
  entries: Readonly<Record<string, unknown>>,
  files: readonly string[],
  problems: Problem[],
): Map<string, string> {
  const owners = new Map<string, string>()
  let isWhole = true
  for (const [name, entry] of Object.entries(entries)) {
    if (!IS_NAME.test(name)) problems.push(document.misread([name], BAD_NAME))
    if (!isEntry(document, [name], entry, problems)) {
      isWhole = false
      continue
    }
    for (const [i, pattern] of entry.files.entries()) {
      const at = (message: Wording) => problems.push(document.at([name, 'files', i], message))
      if (!pattern.startsWith(FOLDER) || pattern.split('/').includes('..')) at(OUTSIDE)
      else {
        const matching = files.filter((file) => matchesGlob(pattern, file))
        if (matching.length === 0) at(MATCHES_NONE)
        for (const file of matching) {
          const owner = owners.get(file)
          if (owner !== undefined && owner !== name) at(isIn(file, owner))
          else owners.set(file, name)
        }
      }
    }
  }
  // Which entry a file was meant for is unknown while one of them is wrong.
  const left = isWhole ? files.filter((file) => !owners.has(file)) : []
  for (const file of left) problems.push({ file, path: '', message: UNLISTED })
  return owners
}

function documentOf(
  file: string,
  knowledge: string,
  text: string,
  dataClass: string | undefined,
): KnowledgeDocument {
  const title = /^#[ \t]+(\S.*)$/m.exec(text)?.[1]?.trim() ?? file.slice(FOLDER.length)
  return { id: file, title, knowledge, text, ...(dataClass === undefined ? {} : { class: dataClass }) }
}

function isIn(file: string, owner: string): Wording {
  return { en: `${file} is already in ${owner}`, zh: `${file} 已属于 ${owner}` }
}

const UNLISTED: Wording = {
  en: `is in no knowledge; name it in ${INDEX}`,
  zh: `不属于任何知识库；请在 ${INDEX} 中列出`,
}
const NOT_KNOWLEDGE: Wording = {
  en: 'must map names to knowledge, such as “travel: {files: [knowledge/travel-*.md]}”',
  zh: '应为名称到知识库的映射，例如“travel: {files: [knowledge/travel-*.md]}”',
}
const BAD_NAME: Wording = {
  en: 'must be a name of at most 63 of a-z, 0-9 and -',
  zh: '应为至多 63 个字符的名称，仅含 a-z、0-9 和 -',
}
const OUTSIDE: Wording = {
  en: `must stay below ${FOLDER}, such as ${FOLDER}travel-*.md`,
  zh: `必须位于 ${FOLDER} 之下，例如 ${FOLDER}travel-*.md`,
}
const MATCHES_NONE: Wording = { en: 'matches no file', zh: '没有匹配的文件' }
