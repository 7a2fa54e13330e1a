import { randomUUID } from 'node:crypto'
import { type Clock, isErrorCode, YizhanError } from '@yizhan/kernel'
import type { DeltaPayload, OutPayload, ReplyPayload } from '../channels/index.js'
import { type ChatConnection, type ConnectOptions, openChat } from './connection.js'

export interface OnceOptions extends ConnectOptions {
  readonly text: string
  /** Do not take a ticket for an answer: wait for what it stands for. */
  readonly wait: boolean
  /** Longest wait for an answer or a ticket. */
  readonly timeoutMs: number
}

export interface OnceHandlers {
  /** A ticket came and the answer is waited for. */
  ticket(notice: ReplyPayload): void
  /** An answer to something that was asked before. */
  other(reply: ReplyPayload): void
}

/** What `--once --json` prints; other programs rely on it. */
export interface OnceAnswer {
  readonly text: string
  readonly answeredBy: ReplyPayload['answeredBy']
  readonly intent: string | null
  readonly score: number | null
  readonly citations: ReplyPayload['citations']
  readonly turnId: string
  /** From the question to the first piece of text, or to the whole if it was not streamed. */
  readonly firstTokenMs: number
  readonly totalMs: number
}

export interface OnceResult {
  readonly answer: OnceAnswer
  readonly reply: ReplyPayload
}

/** Asks one question. Throws what the edge refused it with, `deadline_exceeded`, or what `openChat` throws. */
export async function askOnce(
  { clock }: { clock: Clock },
  options: OnceOptions,
  handlers: OnceHandlers,
): Promise<OnceResult> {
  const id = randomUUID()
  let askedAt = 0
  let firstAt: number | undefined
  let settle: (result: OnceResult) => void = () => undefined
  let fail: (error: YizhanError) => void = () => undefined
  const result = new Promise<OnceResult>((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  // Whoever awaits it comes later than the first handler may fail it.
  result.catch(() => undefined)

  const onOut = (payload: OutPayload) => {
    if (payload.type === 'refused') {
      if (payload.inReplyTo === id) fail(refusal(payload.code, payload.message))
      return
    }
    if (payload.inReplyTo !== id) return handlers.other(payload)
    // Where a person takes over nothing more comes by itself.
    const isEnd = payload.answeredBy === 'queued' || payload.handoff !== undefined
    if (payload.type === 'notice' && (options.wait || !isEnd)) {
      return handlers.ticket(payload)
    }
    // QoS 1: a part may come twice.
    parts.set(payload.id, payload.text)
    if (payload.part && payload.part.index < payload.part.of) return
    const now = clock.monotonic()
    const text = [...parts.values()].join('\n')
    const { answeredBy, intent, score, citations, turnId } = payload
    const firstTokenMs = round((firstAt ?? now) - askedAt)
    const answer = {
      text,
      answeredBy,
      intent,
      score,
      citations,
      turnId,
      firstTokenMs,
      totalMs: round(now - askedAt),
    }
    settle({ answer, reply: { ...payload, text } })
  }
  const parts = new Map<string, string>()
  const onDelta = (payload: DeltaPayload) => {
    if (payload.inReplyTo === id) firstAt ??= clock.monotonic()
  }

  const nothing = () => undefined
  const chat = await openChat({ clock }, options, {
    out: onOut,
    delta: onDelta,
    info: nothing,
    tickets: nothing,
    link: nothing,
  })
  const cancel = options.wait
    ? nothing
    : clock.after(options.timeoutMs, () =>
        fail(new YizhanError('deadline_exceeded', `no answer within ${options.timeoutMs} ms`)),
      )
  try {
    askedAt = clock.monotonic()
    ask(chat, id, options.text).catch(fail)
    return await result
  } finally {
    cancel()
    await chat.close()
  }
}

async function ask(chat: ChatConnection, id: string, text: string): Promise<void> {
  try {
    await chat.ask(id, text)
  } catch (thrown) {
    throw new YizhanError('unavailable', 'the question could not be sent', { cause: thrown })
  }
}

function refusal(code: string, message: string): YizhanError {
  return new YizhanError(isErrorCode(code) ? code : 'internal', message)
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
