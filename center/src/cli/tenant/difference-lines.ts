import { type CliIo, type CliText, oneLine } from '@yizhan/kernel'
import type { ObjectChange, ObjectKind, ObjectName } from '../../tenants/index.js'

export interface Difference {
  readonly diff: readonly ObjectChange[]
  readonly kept: readonly ObjectName[]
}

/** What a directory changes, an object a line, and what is kept although it lacks it; in colours on a terminal. */
export function showDifference(io: CliIo, { diff, kept }: Difference): void {
  for (const change of diff) io.out(changeLine(io, change))
  for (const object of kept) {
    const told = {
      en: `kept: ${named(io, object)} (would be deleted with --prune)`,
      zh: `保留：${named(io, object)}（加 --prune 才会删除）`,
    }
    io.out(painted(io, DIM, io.say(told)))
  }
}

/** As one value a line, for programs. */
export function differenceValues({ diff, kept }: Difference): Record<string, unknown>[] {
  return [...diff.map((change) => ({ ...change })), ...kept.map((object) => ({ ...object, change: 'kept' }))]
}

function changeLine(io: CliIo, change: ObjectChange): string {
  const { sign, colour } = SIGNS[change.change]
  const colon = io.say({ en: ': ', zh: '：' })
  // A setting is its value: nothing more to say of it.
  const told = change.kind === 'setting' ? [] : (change.parts ?? [])
  const parts = told.length > 0 ? `${colon}${told.map((part) => partName(io, part)).join(', ')}` : ''
  return painted(io, colour, `${sign} ${named(io, change)}${parts}`)
}

function named(io: CliIo, { kind, name }: ObjectName): string {
  const text = oneLine(name)
  const shown = text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text
  return `${io.say(KINDS[kind] ?? { en: kind, zh: kind })} ${shown}`
}

/** `questions +2 -1` and the keys of files; the keys stay as they are written. */
function partName(io: CliIo, part: string): string {
  return io.lang === 'zh' ? part.replace(/^questions\b/, '问句') : part
}

function painted(io: CliIo, colour: number, text: string): string {
  return io.colourOut ? `\u001b[${colour}m${text}\u001b[0m` : text
}

const MAX_NAME = 100
const DIM = 2
const SIGNS = {
  added: { sign: '+', colour: 32 },
  changed: { sign: '~', colour: 33 },
  removed: { sign: '-', colour: 31 },
} as const

const KINDS: Readonly<Record<ObjectKind, CliText>> = {
  setting: { en: 'setting', zh: '设置' },
  intent: { en: 'intent', zh: '意图' },
  card: { en: 'card', zh: '卡片' },
  document: { en: 'document', zh: '文档' },
  knowledge: { en: 'knowledge', zh: '知识库' },
  persona: { en: 'persona', zh: '人设' },
  handoff: { en: 'hand-off', zh: '转人工' },
  channel: { en: 'channel', zh: '渠道' },
  site: { en: 'site', zh: '网点' },
  task: { en: 'task', zh: '任务' },
  test: { en: 'test', zh: '测试' },
}
