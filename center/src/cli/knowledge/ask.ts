import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type CliIo, parseJson, systemCode, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, tenantId } from '../arguments.js'
import { type CenterCall, inPath } from '../center-call.js'

interface Answers {
  readonly answers: readonly {
    readonly question: string
    readonly passages: readonly { readonly text: string; readonly score: number }[]
    readonly reply: string
  }[]
}

const CALL_QUESTIONS = 50
const TIMEOUT_MS = 5 * 60_000

/** `knowledge ask`: what the documents give, and the reply made of it, for one question or for each row of a file. */
export function askCommand(knowledge: Command, io: CliIo, call: CenterCall): Command {
  return knowledge
    .command('ask [question]')
    .description(
      io.say({
        en: 'what the documents answer, without a model',
        zh: '只凭文档回答（不用模型）',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose documents', zh: '租户 id' }), tenantId(io))
    .option(
      '--data <file>',
      io.say({ en: 'JSONL with {"question"} in each line', zh: '每行含 {"question"} 的 JSONL' }),
      nonEmpty(io),
    )
    .action(async (one: string | undefined, options: { tenant: string; data?: string }, command: Command) => {
      if ((one === undefined) === (options.data === undefined)) throw either(io)
      const questions = options.data === undefined ? [one ?? ''] : await questionsIn(options.data, io)
      const path = `/v1/tenants/${inPath(options.tenant)}/knowledge/ask`
      for (let at = 0; at < questions.length; at += CALL_QUESTIONS) {
        io.progress(`${at}/${questions.length}`)
        const body = { questions: questions.slice(at, at + CALL_QUESTIONS) }
        const { answers } = await call<Answers>(command, 'POST', path, body, { timeoutMs: TIMEOUT_MS })
        for (const answer of answers) tell(io, answer)
      }
      io.progress(undefined)
    })
}

function tell(io: CliIo, { question, passages, reply }: Answers['answers'][number]): void {
  const told = passages.map(({ text, score }) => ({ text, score }))
  if (io.wantsJson) io.json({ question, passages: told, reply })
  else io.out(`${question}\n${reply}\n`)
}

async function questionsIn(path: string, io: CliIo): Promise<string[]> {
  const questions: string[] = []
  let line = 0
  try {
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      line++
      if (text.trim() === '') continue
      const row = parseJson(text)
      const question: unknown =
        typeof row === 'object' && row !== null ? Reflect.get(row, 'question') : undefined
      if (typeof question !== 'string' || question === '')
        throw new YizhanError('invalid_argument', 'no question')
      questions.push(question)
    }
  } catch (thrown) {
    const code = systemCode(thrown)
    const message =
      code === ''
        ? { en: `${path}:${line} has no {"question"}`, zh: `${path}:${line} 没有 {"question"}` }
        : { en: `${path} cannot be read (${code})`, zh: `无法读取 ${path}（${code}）` }
    throw new YizhanError('invalid_argument', io.say(message), { cause: thrown })
  }
  return questions
}

function either(io: CliIo): YizhanError {
  const message = { en: 'give a question, or --data FILE', zh: '请给出问题，或用 --data 指定文件' }
  return new YizhanError('invalid_argument', io.say(message))
}
