import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createExtractive } from '@yizhan/center/inference'
import {
  createKnowledge,
  type Knowledge,
  type KnowledgeDocument,
  sentencesOf,
} from '@yizhan/center/retrieval'
import { asTenantId, silentLogger, systemClock, type TenantId, YizhanError } from '@yizhan/kernel'
import { alone, percentile, type Row } from './report.js'

/** Rows of a set of questions: passages first, each with its number, then what is asked of them. */
interface QuestionSet {
  readonly name: string
  readonly passages: readonly string[]
  readonly questions: readonly {
    readonly question: string
    readonly passage: number
    readonly answers: readonly string[]
  }[]
}

const PASSAGES = 10_000
const WORDS = 4_000
const never = new AbortController().signal
const tenant = tenantNamed('bench')

/**
 * `files`: JSONL of `{"passage","text"}` and `{"question","passage","answers"}`, such as XQuAD: how often the right passage
 * is first, the reply holds the answer in at most two sentences, and says that it does not know once the passage is taken
 * out. Then, on ten thousand passages of made-up words, how long it takes.
 */
export async function benchRetrieval(say: (text: string) => void, files: readonly string[]): Promise<Row[]> {
  const rows: Row[] = []
  for (const file of files) {
    say(file)
    rows.push(...(await quality(await questionsIn(file))))
  }
  say(`${PASSAGES} passages`)
  rows.push(...(await speed()))
  return rows
}

async function quality({ name, passages, questions }: QuestionSet): Promise<Row[]> {
  const knowledge = createKnowledge({ log: silentLogger() })
  const backend = createExtractive({ clock: systemClock, terms: knowledge })
  const put = (at: number) => knowledge.put(tenant, `p${at}`, [document(at, passages[at] ?? '')])
  for (const at of passages.keys()) await put(at)
  const ask = async (question: string) => {
    const found = await knowledge.search(tenant, question, { knowledge: [], limit: 5 }, never)
    const request = { tenant, question, locale: '', history: [], passages: found }
    let text = ''
    for await (const piece of backend.generate(request, never)) {
      if (piece.type === 'text') text += piece.text
      else if (piece.type === 'end' && piece.finish === 'no-answer') return undefined
    }
    return text
  }
  const counts = { first: 0, fifth: 0, reciprocal: 0, answered: 0, refused: 0, rightlyRefused: 0 }
  for (const { question, passage, answers } of questions) {
    const options = { knowledge: [], limit: 10 }
    const { passages: ranked } = await knowledge.explain(tenant, question, options, never)
    const rank = [...new Set(ranked.map((one) => one.passage.document))].indexOf(String(passage))
    if (rank === 0) counts.first++
    if (rank >= 0 && rank < 5) counts.fifth++
    if (rank >= 0) counts.reciprocal += 1 / (rank + 1)
    const reply = await ask(question)
    if (reply === undefined) counts.refused++
    else if (holds(reply, answers) && sentencesOf(reply).length <= 2) counts.answered++
  }
  for (const at of passages.keys()) {
    knowledge.delete(tenant, `p${at}`)
    for (const { question } of questions.filter(({ passage }) => passage === at)) {
      if ((await ask(question)) === undefined) counts.rightlyRefused++
    }
    await put(at)
  }
  const share = (what: string, count: number) =>
    alone(`${name}: ${what}`, (100 * count) / questions.length, '%')
  return [
    share('recall@1', counts.first),
    share('recall@5', counts.fifth),
    alone(`${name}: mean reciprocal rank`, counts.reciprocal / questions.length, ''),
    share('answer in a reply of ≤ 2 sentences', counts.answered),
    share('says it does not know, wrongly', counts.refused),
    share('says it does not know, passage taken out', counts.rightlyRefused),
  ]
}

async function speed(): Promise<Row[]> {
  const random = randomFrom(7)
  // Words as they are used: few of them often, most of them seldom.
  const word = () => `w${Math.floor(WORDS * random() ** 3).toString(36)}x`
  const text = (words: number) => `${Array.from({ length: words }, word).join(' ')}.`
  const documents = Array.from({ length: PASSAGES }, (_, at) => document(at, text(100)))
  const knowledge = createKnowledge({ log: silentLogger() })
  const before = heapBytes()
  const indexMs = await timed(() => knowledge.put(tenant, 'all', documents))
  const index = heapBytes() - before
  const searches: number[] = []
  for (let i = 0; i < 500; i++) searches.push(await timed(() => search(knowledge, text(10))))
  return [
    alone(`${PASSAGES} passages: indexed in`, indexMs, 'ms'),
    alone(`${PASSAGES} passages: index in memory`, index / 2 ** 20, 'MiB'),
    alone(`${PASSAGES} passages: search, p50`, percentile(searches, 0.5), 'ms'),
    alone(`${PASSAGES} passages: search, p99`, percentile(searches, 0.99), 'ms'),
  ]
}

/** After everything that nobody holds is gone. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  return process.memoryUsage().heapUsed
}

async function search(knowledge: Knowledge, question: string): Promise<void> {
  await knowledge.search(tenant, question, { knowledge: [], limit: 5 }, never)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function document(at: number, text: string): KnowledgeDocument {
  return { id: String(at), title: '', knowledge: 'bench', text }
}

function holds(text: string, answers: readonly string[]): boolean {
  const plain = (one: string) => one.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ')
  return answers.some((answer) => plain(text).includes(plain(answer)))
}

async function questionsIn(file: string): Promise<QuestionSet> {
  const passages: string[] = []
  const questions: QuestionSet['questions'][number][] = []
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    if (line === '') continue
    const row = JSON.parse(line) as { passage: number; text?: string; question?: string; answers?: string[] }
    if (row.question === undefined) passages[row.passage] = row.text ?? ''
    else questions.push({ question: row.question, passage: row.passage, answers: row.answers ?? [] })
  }
  if (questions.length === 0) throw new YizhanError('invalid_argument', `${file} holds no questions`)
  return { name: basename(file, '.jsonl'), passages, questions }
}

function tenantNamed(name: string): TenantId {
  const id = asTenantId(name)
  if (!id) throw new YizhanError('internal', `${name} is no tenant id`)
  return id
}

/** Numbers from 0 to 1 that are the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
