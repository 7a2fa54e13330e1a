import { exactKey, type IntentReply, normalise, type Slot } from '@yizhan/intent'
import { parseDocument } from 'yaml'
import { extractFiles, type ReadOptions } from './extract/index.js'
import { type ReadIntent, readIntents } from './intents.js'
import { languagesOf, readMain } from './main-file.js'
import { KEPT_INTENTS, type Told } from './problem.js'
import { readQuestionTables } from './spreadsheet/index.js'
import { decodeFiles, type TenantFiles } from './tenant-files.js'

const HEAD = ` Written by the center: intents that an apply no longer had and that are kept until an apply with --prune.
 由中心写入：这些意图已不在所应用的目录中，会一直保留，直到某次 apply 带 --prune。`

export interface KeptIntents {
  /** Ids, in the order of the former directory. */
  readonly ids: readonly string[]
  /** Those whose every question the new directory gives to other intents: renamed, so nothing of them is left to keep. */
  readonly superseded: readonly string[]
  /** The new KEPT_INTENTS; undefined if there is nothing to keep. */
  readonly content: Uint8Array | undefined
}

/** The intents of `before` that `given` lacks. Nothing is kept while a file of intents cannot be read: the reader tells it. */
export async function keptIntents(
  before: TenantFiles,
  given: TenantFiles,
  options: ReadOptions,
): Promise<KeptIntents> {
  const [old, now] = [await intentsOf(before, options), await intentsOf(given, options)]
  const taken = new Set(now.questions.flatMap(({ text }) => exactKey(normalise(text)) ?? []))
  const kept = new Map<string, ReadIntent>()
  const superseded: string[] = []
  for (const [id, intent] of old.whole) {
    // Undefined also for every id while something cannot be read.
    if (now.missing(id) === undefined) continue
    const asks = intent.asks.filter((ask) => !taken.has(exactKey(normalise(ask)) ?? ''))
    if (asks.length === 0) superseded.push(id)
    else kept.set(id, { ...intent, asks })
  }
  return { ids: [...kept.keys()], superseded, content: contentOf(kept, given.get(KEPT_INTENTS)) }
}

/** Only what intents are read from; problems are told where the whole directory is read. */
async function intentsOf(files: TenantFiles, options: ReadOptions) {
  const told: Told = { problems: [], warnings: [] }
  const parts = [...files].filter(([path]) => path === 'tenant.yaml' || path.startsWith('intents/'))
  const contents = decodeFiles(new Map(parts), told)
  const languages = languagesOf(readMain(contents.texts, told.problems))
  const { tables } = await extractFiles(contents, options, told)
  return readIntents(contents.texts, readQuestionTables(tables, languages, told), languages, told)
}

/** In a file of the directory's own, such as one that was exported, they stand behind what it holds. */
function contentOf(
  kept: ReadonlyMap<string, ReadIntent>,
  own: Uint8Array | undefined,
): Uint8Array | undefined {
  if (kept.size === 0) return undefined
  const entries = Object.fromEntries([...kept].map(([id, intent]) => [id, authored(intent)]))
  const text = own === undefined ? '' : new TextDecoder().decode(own)
  const document = parseDocument(text === '' ? '{}' : text)
  if (own === undefined) document.commentBefore = HEAD
  for (const [id, entry] of Object.entries(entries)) document.set(id, document.createNode(entry))
  // As a block, whatever it was: people read it.
  if (document.contents && 'flow' in document.contents) document.contents.flow = false
  return Buffer.from(document.toString({ lineWidth: 0, blockQuote: 'literal' }))
}

/** An intent as an author writes it. */
function authored({ asks, reply, offline, slots }: ReadIntent): Record<string, unknown> {
  return {
    ask: `${asks.join('\n')}\n`,
    ...(slots && { slots: Object.fromEntries(slots.map((slot) => [slot.name, authoredSlot(slot)])) }),
    reply: authoredReply(reply),
    ...(offline && { offline }),
  }
}

function authoredReply(reply: IntentReply): unknown {
  switch (reply.kind) {
    case 'text':
      return reply.text
    case 'skill':
      return { skill: reply.skill }
    case 'forward':
      return { forward: { knowledge: reply.knowledge } }
    case 'card':
      return { card: reply.card }
    case 'handoff':
      return { handoff: reply.handoff }
    default:
      return reply satisfies never
  }
}

function authoredSlot({ type, ask, options }: Slot): Record<string, unknown> {
  const labels = options && Object.fromEntries(options.map(({ value, label }) => [value, label]))
  return { type, ask, ...(labels && { options: labels }) }
}
