import { randomUUID } from 'node:crypto'
import { createInterface, type Interface } from 'node:readline'
import { type Clock, toYizhanError } from '@yizhan/kernel'
import type { DeltaPayload, OutPayload, ReplyPayload } from '../channels/index.js'
import { type ConnectOptions, openChat } from './connection.js'
import type { ChatIo } from './io.js'
import { footer, paintFor, printable } from './paint.js'
import { StreamedText } from './streamed-text.js'
import { wordsFor } from './words.js'

interface Asked {
  readonly text: string
  readonly at: number
  readonly stream: StreamedText
}

const PROMPT = '› '
const RESTORE_LINE = '\r\u001b[K'

/** A conversation until `/quit` or the end of input; open questions of a piped input are waited for. */
export async function converse(
  { clock }: { clock: Clock },
  options: ConnectOptions,
  io: ChatIo,
): Promise<number> {
  const words = wordsFor(io.env)
  const paint = paintFor(io.isTty, io.env)
  const asked = new Map<string, Asked>()
  const seen = new Set<string>()
  let streaming: string | undefined
  let atEnd = false
  let finish: () => void = () => undefined
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })

  let lines: Interface | undefined
  const write = (text: string) => io.stdout.write(text)
  const prompt = () => {
    if (io.isTty && !atEnd) lines?.prompt(true)
    if (atEnd && asked.size === 0) finish()
  }
  /** Prints whole lines above what the user is typing. */
  const above = (text: string) => {
    if (streaming !== undefined) write('\n')
    write(`${io.isTty ? RESTORE_LINE : ''}${text}\n`)
    streaming = undefined
    prompt()
  }
  const stream = (id: string, step: ReturnType<StreamedText['take']>) => {
    if (step.step === 'none') return
    const begins = streaming !== id
    if (begins && io.isTty) write(RESTORE_LINE)
    if (step.step === 'restart') write(`${begins ? '' : '\n'}${paint.dim(words.startsAnew)}\n`)
    streaming = id
    write(printable(step.text))
  }
  const onReply = (reply: ReplyPayload) => {
    // QoS 1: the same reply may come again.
    if (seen.has(reply.id)) return
    seen.add(reply.id)
    const id = reply.inReplyTo ?? ''
    const question = asked.get(id)
    if (reply.type === 'final') asked.delete(id)
    const own = question && !reply.late
    const ms = question ? clock.monotonic() - question.at : undefined
    if (own && reply.type === 'final') {
      stream(id, question.stream.finish(reply.text))
      write(`\n${footer(reply, words, paint, ms)}\n`)
      streaming = undefined
      return prompt()
    }
    const head = reply.late ? `${paint.bold(printable(words.late(reply.quoted ?? '')))}\n` : ''
    above(`${head}${printable(reply.text)}\n${footer(reply, words, paint, ms)}`)
  }
  const onOut = (payload: OutPayload) => {
    if (payload.type !== 'refused') return onReply(payload)
    if (payload.inReplyTo !== undefined) asked.delete(payload.inReplyTo)
    above(paint.warn(printable(words.refused(payload.code, payload.message))))
  }
  const onDelta = (payload: DeltaPayload) => {
    const id = payload.inReplyTo ?? ''
    const question = asked.get(id)
    // One answer at a time has the line; the others come whole.
    if (!question || (streaming !== undefined && streaming !== id)) return
    stream(id, question.stream.take(payload))
  }

  const chat = await openChat({ clock }, options, {
    out: onOut,
    delta: onDelta,
    info: () => undefined,
    link: (up) => above(paint.warn(up ? words.back : words.lost)),
  })
  if (io.isTty) write(`${paint.dim(words.hello(chat.info.edge, chat.tenant))}\n`)
  // Opened only now: it reads at once, and lines that come before their listener are lost.
  const input = createInterface({ input: io.stdin, output: io.stdout, terminal: io.isTty, prompt: PROMPT })
  lines = input
  input.on('line', (line) => {
    const text = line.trim()
    if (text === '/quit') return input.close()
    if (text === '') return prompt()
    say(text)
  })
  input.on('close', () => {
    atEnd = true
    if (io.isTty || asked.size === 0) finish()
  })
  prompt()
  try {
    await finished
    return 0
  } finally {
    input.close()
    await chat.close()
  }

  function say(text: string): void {
    const id = randomUUID()
    asked.set(id, { text, at: clock.monotonic(), stream: new StreamedText() })
    chat.ask(id, text).catch((thrown: unknown) => {
      asked.delete(id)
      above(paint.warn(printable(toYizhanError(thrown).message)))
    })
  }
}
