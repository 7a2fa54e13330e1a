import type { EncoderFiles, LanguageMap, TenantFile } from '@yizhan/intent'
import { asTenantId, type TenantId } from '@yizhan/kernel'
// Past the folder's index: admission asks for what is read here.
import type { QuotaRules } from '../admission/quota-config.js'
import type { DocumentClasses, KnowledgeDocument } from '../retrieval/index.js'
import { readCards } from './cards.js'
import { readChannels, type TenantChannel } from './channels.js'
import { documentClassesOf, hidesNothing, noClass } from './document-classes.js'
import { readEncoder } from './encoder.js'
import { extractFiles, type ReadOptions } from './extract/index.js'
import { noHandoff } from './handoffs.js'
import { readIntents } from './intents.js'
import { readKnowledge } from './knowledge-files.js'
import { checkMain, compileFile, languagesOf, readMain, valueIn } from './main-file.js'
import { readPersona } from './personas.js'
import { inOrder, type Problem, type Told, type Wording } from './problem.js'
import { checkQuestions } from './questions.js'
import { DEFAULT_SAMPLING, type Sampling } from './sampling.js'
import { sentenceOf } from './sentence.js'
import { readSites, type TenantSite } from './sites.js'
import { checkCardPlaceholders } from './slots.js'
import { readQuestionTables } from './spreadsheet/index.js'
import { readTasks, type TenantTask } from './tasks.js'
import { type Contents, decodeFiles, relevantFiles, type TenantFiles, tooMuch } from './tenant-files.js'
import { readTests, type TenantTest } from './test-files.js'
import { isMap } from './yaml/index.js'

/** A tenant directory that was read without a problem. */
export interface TenantSource {
  readonly tenant: TenantId
  /** What was read, without READMEs and the like. */
  readonly files: TenantFiles
  readonly file: TenantFile
  readonly examples: readonly { readonly text: string; readonly intent: string }[]
  readonly documents: readonly KnowledgeDocument[]
  /** Texts of the documents that are not plain text, by file. */
  readonly extracts: ReadonlyMap<string, string>
  /** The tenant's own, in place of the built-in model of intents. */
  readonly encoder?: EncoderFiles
  readonly sampling: Sampling
  /** How the model at the center speaks. */
  readonly persona: LanguageMap | undefined
  /** What it limits itself to. */
  readonly quotas: QuotaRules | undefined
  /** What stands below a text that a model wrote. */
  readonly aiMark: LanguageMap | undefined
  /** Who may see which documents; undefined: everybody every one. */
  readonly documentClasses: DocumentClasses | undefined
  /** Without channels.yaml `web` and `mqtt`. */
  readonly channels: readonly TenantChannel[]
  readonly sites: readonly TenantSite[]
  readonly tasks: readonly TenantTask[]
  readonly tests: readonly TenantTest[]
}

/** Either the source, or every problem of it; warnings are for the author and hinder nothing. Both in the order of the files. */
export type ReadTenant =
  | { readonly source: TenantSource; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] }

/**
 * Reads a whole directory. What is in documents and spreadsheets is read in a process of its own; an abort ends that
 * and rejects with the signal's reason.
 */
export async function readTenant(files: TenantFiles, options: ReadOptions = {}): Promise<ReadTenant> {
  const told: Told = { problems: [], warnings: [] }
  const { problems, warnings } = told
  const kept = relevantFiles(files)
  const much = tooMuch(kept)
  if (much) return { problems: [much], warnings }
  const contents = decodeFiles(kept, told)
  const { texts } = contents
  const extracted = await extractFiles(contents, options, told)
  const main = readMain(texts, problems)
  const languages = languagesOf(main)
  const sheets = readQuestionTables(extracted.tables, languages, told)
  const intents = readIntents(texts, sheets, languages, told)
  checkQuestions(intents.questions, languages, told)
  const cards = readCards(texts, intents, languages, told)
  const knowledge = readKnowledge(contents, extracted.documents, told)
  const sites = readSites(texts, told)
  const channels = readChannels(texts, sites, told)
  const tasks = readTasks(texts, channels, told)
  const persona = main && readMainPersona(contents, main, told)
  const encoder = main && readEncoder(contents, main, told)
  const handoffs = valueIn(main, 'handoff')
  for (const use of intents.uses) {
    const { kind, name, at } = use
    if (kind === 'knowledge' && !knowledge.mayExist(name)) problems.push(at(noKnowledge(name)))
    const noCard = kind === 'card' ? cards.missing(name) : undefined
    if (noCard) problems.push(at(noCard))
    const card = kind === 'card' ? cards.whole.get(name) : undefined
    const slots = intents.whole.get(use.intent)?.slots
    if (card && slots) checkCardPlaceholders(use, slots, card, told)
    const isKnown = !main || (isMap(handoffs) && Object.hasOwn(handoffs, name))
    if (kind === 'handoff' && !isKnown) problems.push(at(noHandoff(name, handoffs)))
  }
  const classes = valueIn(main, 'documentClasses')
  if (isMap(classes)) {
    for (const { name, at } of knowledge.classes)
      if (!Object.hasOwn(classes, name)) problems.push(at(noClass(name, classes)))
  } else if (main?.value) {
    const first = new Map(knowledge.classes.toReversed().map((one) => [one.name, one]))
    for (const { name, at } of first.values()) warnings.push(at(hidesNothing(name)))
  }
  const tests = readTests(texts, intents, cards, told)
  if (main) checkMain(main, { intents, channels }, languages, told)
  const tenant = main?.value && asTenantId(main.value.tenant)
  if (!main?.value || !tenant || problems.length > 0) {
    return { problems: inOrder(problems), warnings: inOrder(warnings) }
  }
  const source: TenantSource = {
    tenant,
    files: kept,
    file: compileFile(main.value, { intents, cards, channels, sites: sites.sites }),
    examples: [...intents.whole].flatMap(([id, { asks }]) => asks.map((text) => ({ text, intent: id }))),
    documents: knowledge.documents,
    extracts: extracted.documents,
    ...(encoder && { encoder }),
    sampling: main.value.samples ? { ...DEFAULT_SAMPLING, ...main.value.samples } : DEFAULT_SAMPLING,
    persona,
    quotas: quotasOf(main),
    aiMark: aiMarkOf(main),
    documentClasses: documentClassesOf(main.value.documentClasses),
    channels: channels.channels,
    sites: sites.sites,
    tasks,
    tests,
  }
  return { source, warnings: inOrder(warnings) }
}

/** What the center itself needs of a tenant after a restart. */
export interface ServedTenant {
  readonly documents: readonly KnowledgeDocument[]
  readonly persona: LanguageMap | undefined
  readonly quotas: QuotaRules | undefined
  /** What stands below a text that a model wrote. */
  readonly aiMark: LanguageMap | undefined
  /** Who may see which documents; undefined: everybody every one. */
  readonly documentClasses: DocumentClasses | undefined
}

/**
 * Reads that of a directory that was applied, as far as it can be read. `extracts`: what `readTenant` gave for these
 * files, so that nothing is extracted anew; a document without one is left out.
 */
export function readServed(files: TenantFiles, extracts: ReadonlyMap<string, string>): ServedTenant {
  const told: Told = { problems: [], warnings: [] }
  const contents = decodeFiles(relevantFiles(files), told)
  const main = readMain(contents.texts, told.problems)
  return {
    documents: readKnowledge(contents, extracts, told).documents,
    persona: main && readMainPersona(contents, main, told),
    quotas: quotasOf(main),
    aiMark: aiMarkOf(main),
    documentClasses: documentClassesOf(main?.value?.documentClasses),
  }
}

function quotasOf(main: ReturnType<typeof readMain>): QuotaRules | undefined {
  const given = main?.value?.quotas
  return given && { tenant: given.tenant ?? {}, user: given.user ?? {} }
}

function aiMarkOf(main: ReturnType<typeof readMain>): LanguageMap | undefined {
  const given = main?.value?.aiMark
  return given === undefined ? undefined : sentenceOf(given, languagesOf(main))
}

function readMainPersona(
  { texts }: Contents,
  main: NonNullable<ReturnType<typeof readMain>>,
  told: Told,
): LanguageMap | undefined {
  const at = (message: Wording) => main.document.misread(['persona'], message)
  return readPersona(texts, valueIn(main, 'persona'), languagesOf(main), at, told)
}

function noKnowledge(name: string): Wording {
  return { en: `there is no knowledge named ${name}`, zh: `没有名为 ${name} 的知识库` }
}
