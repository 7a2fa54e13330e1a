import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { type CliIo, storageError, YizhanError } from '@yizhan/kernel'

const Row = Type.Object({
  text: Type.String(),
  intent: Type.String({ minLength: 1, maxLength: 200 }),
  split: Type.Optional(Type.Union([Type.Literal('train'), Type.Literal('val'), Type.Literal('test')])),
})
/** One line of a file of examples; `oos` is out of scope, and without `split` it is for training. */
export type LabelledRow = Static<typeof Row>
const ROW = TypeCompiler.Compile(Row)
const NegativeRow = TypeCompiler.Compile(Type.Object({ text: Type.String() }))

const MAX_ROWS = 200_000
const MAX_LINE_CHARS = 1024 * 1024
// So many broken lines are named; the rest are counted.
const NAMED = 20

/** The rows of a JSONL file. Throws `invalid_argument` with every broken line's number, `not_found`, `too_large`. */
export function readLabelledRows(io: CliIo, path: string): Promise<LabelledRow[]> {
  return readRows(io, path, (value) => {
    if (ROW.Check(value)) return { row: value }
    return { problem: ROW.Errors(value).First()?.path || '/' }
  })
}

/** The texts of a JSONL file whose rows have at least `text`; whatever intent they name, they are out of scope. */
export function readNegatives(io: CliIo, path: string): Promise<string[]> {
  return readRows(io, path, (value) =>
    NegativeRow.Check(value) ? { row: value.text } : { problem: '/text' },
  )
}

type Read<T> = { readonly row: T } | { readonly problem: string }

async function readRows<T>(io: CliIo, path: string, read: (value: unknown) => Read<T>): Promise<T[]> {
  const rows: T[] = []
  const broken: string[] = []
  let count = 0
  const lines = createInterface({
    input: createReadStream(path, { encoding: 'utf8' }),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  let at = 0
  try {
    for await (const line of lines) {
      at++
      const bare = at === 1 ? line.replace(/^\ufeff/, '') : line
      if (bare.trim() === '') continue
      if (rows.length === MAX_ROWS) throw tooMany(io, path)
      const one = bare.length > MAX_LINE_CHARS ? { problem: 'too long' } : parse(bare, read)
      if ('row' in one) rows.push(one.row)
      else if (++count <= NAMED) broken.push(`${at} (${one.problem})`)
    }
  } catch (thrown) {
    throw thrown instanceof YizhanError ? thrown : storageError(thrown, 'read', path)
  }
  if (count === 0) return rows
  const named = `${broken.join(', ')}${count > NAMED ? ', …' : ''}`
  throw new YizhanError(
    'invalid_argument',
    io.say({
      en: `${path}: ${count} broken line(s): ${named}`,
      zh: `${path}：${count} 行有误：${named}`,
    }),
    {
      hint: io.say({
        en: 'one object a line: {"text":"…","intent":"…","split":"train|val"}',
        zh: '每行一个对象：{"text":"…","intent":"…","split":"train|val"}',
      }),
    },
  )
}

function parse<T>(line: string, read: (value: unknown) => Read<T>): Read<T> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return { problem: 'no JSON' }
  }
  return read(value)
}

function tooMany(io: CliIo, path: string): YizhanError {
  return new YizhanError(
    'too_large',
    io.say({
      en: `${path} has more than ${MAX_ROWS} rows`,
      zh: `${path} 超过 ${MAX_ROWS} 行`,
    }),
  )
}
