import { randomUUID } from 'node:crypto'
import { type Clock, toYizhanError } from '@yizhan/kernel'
import type {
  DeltaPayload,
  Info,
  OutPayload,
  RefusedPayload,
  ReplyPayload,
  TicketsPayload,
} from '../channels/index.js'
import { boxed, type CardPick, numbered, picksOf } from './card-box.js'
import type { ChatConnection } from './connection.js'
import { footer } from './footer.js'
import { type Paint, printable } from './paint.js'
import { helpLines, statusLines } from './status.js'
import { StreamedText } from './streamed-text.js'
import type { View } from './view.js'
import { sourceLines, whyLines } from './why.js'
import type { Words } from './words.js'

export interface ConversationDeps {
  readonly clock: Clock
  readonly words: Words
  readonly paint: Paint
  readonly view: View
  /** Cards are boxes, a running answer is said to be one: on a terminal. */
  readonly isTerminal: boolean
  /** Gets each reply in place of the view. */
  readonly json?: ((payload: OutPayload) => void) | undefined
}

interface Asked {
  readonly text: string
  readonly at: number
  readonly stream: StreamedText
  /** It has a ticket, or a person has taken over: nothing runs for it now. */
  waits: boolean
  stopping: boolean
}

/** What a question is called where it is quoted. */
const MAX_QUOTE = 40

/** A chat as one person sees it: what was asked, what comes, what can be done about it. Ends when nothing is open. */
export class Conversation {
  readonly #deps: ConversationDeps
  readonly #chat: Pick<ChatConnection, 'ask' | 'send'>
  readonly #asked = new Map<string, Asked>()
  readonly #seen = new Set<string>()
  #streaming: string | undefined
  /** The question that stands right above what is said next. */
  #under: string | undefined
  #last: ReplyPayload | undefined
  #picks: readonly CardPick[] = []
  #info: Info | undefined
  #tickets: TicketsPayload['tickets'] = []
  #onIdle: (() => void) | undefined

  constructor(deps: ConversationDeps, chat: Pick<ChatConnection, 'ask' | 'send'>) {
    this.#deps = deps
    this.#chat = chat
  }

  /** Resolves when every question has its answer. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve
      this.#changed()
    })
  }

  /** What a person wrote. True if they want to leave. */
  say(line: string): boolean {
    const text = line.trim()
    const [command = '', ...rest] = text.split(/\s+/)
    if (text === '') return false
    if (command === '/quit') return true
    if (this.#command(command, rest.join(' '))) return false
    const pick = /^\d{1,2}$/.test(text) ? this.#picks[Number(text) - 1] : undefined
    if (pick) this.#pick(pick)
    else this.#ask(text)
    if (command === '/help') this.#print(helpLines(this.#deps.words, this.#deps.paint))
    return false
  }

  /** Ctrl-C: stops the running answer. False if none runs, or it is being stopped already. */
  interrupt(): boolean {
    if (!this.#stop()) return false
    this.#print([this.#deps.paint.warn(this.#deps.words.stopping)])
    return true
  }

  out(payload: OutPayload): void {
    if (payload.type === 'refused') this.#refused(payload)
    else this.#reply(payload)
    this.#changed()
  }

  #refused(payload: RefusedPayload): void {
    const { words, paint, json } = this.#deps
    if (payload.inReplyTo !== undefined) this.#asked.delete(payload.inReplyTo)
    if (json) json(payload)
    else this.#print([paint.warn(printable(words.refused(payload.code, payload.message)))])
  }

  delta(payload: DeltaPayload): void {
    const id = payload.inReplyTo ?? ''
    const question = this.#asked.get(id)
    // One answer at a time has the line; the others come whole.
    if (!question || this.#deps.json || (this.#streaming !== undefined && this.#streaming !== id)) return
    question.waits = false
    this.#stream(id, question, question.stream.take(payload))
  }

  info(info: Info): void {
    this.#info = info
    this.#showStatus()
  }

  tickets({ tickets }: TicketsPayload): void {
    this.#tickets = tickets
    this.#showStatus()
  }

  link(up: boolean): void {
    const { words, paint } = this.#deps
    this.#print([paint.warn(up ? words.back : words.lost)])
  }

  #reply(reply: ReplyPayload): void {
    const { clock, words, paint, json } = this.#deps
    // QoS 1: the same reply may come again.
    if (this.#seen.has(reply.id)) return
    this.#seen.add(reply.id)
    const id = reply.inReplyTo ?? ''
    const question = this.#asked.get(id)
    // A hand-off ends it here: what a person answers comes by itself, whenever it comes.
    const isWhole = reply.part === undefined || reply.part.index === reply.part.of
    if ((reply.type === 'final' && isWhole) || reply.handoff !== undefined) this.#asked.delete(id)
    else if (question) question.waits = true
    if (json) json(reply)
    else {
      const ms = question ? clock.monotonic() - question.at : undefined
      const begins = (reply.part?.index ?? 1) === 1
      if (question && !reply.late && reply.type === 'final' && begins) this.#ownAnswer(id, question, reply)
      else this.#otherReply(reply)
      if (isWhole) {
        this.#deps.view.print([...this.#below(reply), ...footer(reply, words, paint, ms).split('\n')])
      }
    }
    if (reply.type === 'final' && isWhole) this.#last = reply
  }

  /** An answer to what was asked here, which may have been shown in part. */
  #ownAnswer(id: string, question: Asked, reply: ReplyPayload): void {
    const { view } = this.#deps
    if (this.#isBox(reply)) view.endText()
    else this.#stream(id, question, question.stream.finish(reply.text))
    view.endText()
    this.#streaming = undefined
    this.#under = undefined
  }

  /** A ticket, a late answer, or one to another client of this chat: whole, between whatever else is shown. */
  #otherReply(reply: ReplyPayload): void {
    const { words, paint, view } = this.#deps
    this.#break()
    if (reply.quoted !== undefined && reply.late) {
      view.print(printable(words.late(reply.quoted)).split('\n').map(paint.bold))
    }
    if (this.#isBox(reply)) return
    view.append(reply.text)
    view.endText()
  }

  #below(reply: ReplyPayload): string[] {
    const { words, paint, view } = this.#deps
    const picks = picksOf(reply)
    if (picks.length > 0 || reply.type === 'final') this.#picks = picks
    const box = reply.card && this.#isBox(reply) ? boxed(reply.card, view.columns, paint) : []
    const handoff = reply.handoff === undefined ? [] : [paint.bold(printable(words.handoff(reply.handoff)))]
    // In plain text a card has its numbers already.
    const showsPicks = picks.length > 0 && (this.#deps.isTerminal || !reply.card)
    const numbers = showsPicks ? [...numbered(picks, paint), paint.dim(`  ${words.pick}`)] : []
    return [...handoff, ...box, ...numbers]
  }

  #isBox(reply: ReplyPayload): boolean {
    return this.#deps.isTerminal && reply.card !== undefined
  }

  #stream(id: string, question: Asked, step: ReturnType<StreamedText['take']>): void {
    const { words, paint, view } = this.#deps
    if (step.step === 'none') return
    if (step.step === 'restart') {
      view.endText()
      view.print([paint.dim(words.startsAnew)])
    } else if (this.#under !== id && this.#deps.isTerminal) {
      const head = step.text.length < question.stream.text.length ? words.goesOn : words.on
      view.print([paint.dim(printable(head(clipped(question.text))))])
    }
    this.#under = id
    this.#streaming = id
    view.append(step.text)
    this.#showStatus()
  }

  /** Something else comes: the answer that has the line goes on below it. */
  #break(): void {
    this.#deps.view.endText()
    this.#streaming = undefined
    this.#under = undefined
  }

  #print(lines: readonly string[]): void {
    this.#break()
    this.#deps.view.print(lines)
  }

  #ask(text: string): void {
    const id = this.#open(text)
    this.#sent(id, this.#chat.ask(id, text))
  }

  #open(text: string): string {
    const id = randomUUID()
    const at = this.#deps.clock.monotonic()
    this.#picks = []
    // A terminal has shown the question below whatever was being said.
    if (this.#deps.isTerminal) this.#break()
    this.#under = id
    this.#asked.set(id, { text, at, stream: new StreamedText(), waits: false, stopping: false })
    this.#showStatus()
    return id
  }

  #sent(id: string, sending: Promise<void>): void {
    sending.catch((thrown: unknown) => {
      this.#asked.delete(id)
      this.#print([this.#deps.paint.warn(printable(toYizhanError(thrown).message))])
      this.#changed()
    })
  }

  #pick(pick: CardPick): void {
    if (pick.kind === 'url') this.#print([this.#deps.words.open(printable(pick.url))])
    else if (pick.kind === 'say') this.#ask(pick.text)
    else {
      const id = this.#open(pick.label)
      const card = { id: pick.card, action: pick.action }
      this.#sent(id, this.#chat.send({ id, kind: 'card', card }))
    }
  }

  /** True if it was one that this client carries out itself. */
  #command(command: string, rest: string): boolean {
    const { words, paint } = this.#deps
    const reply = this.#last
    switch (command) {
      case '/stop':
        if (!this.#stop()) this.#print([paint.dim(words.nothingRuns)])
        return true
      case '/why':
      case '/sources': {
        const lines = command === '/why' ? whyLines : sourceLines
        this.#print(reply ? lines(reply, words, paint) : [paint.dim(words.nothingYet)])
        return true
      }
      case '/up':
      case '/down':
        if (reply) this.#rate(reply, command === '/up' ? 'up' : 'down', rest)
        else this.#print([paint.dim(words.nothingYet)])
        return true
      default:
        return false
    }
  }

  #rate({ turnId }: ReplyPayload, rating: 'up' | 'down', reason: string): void {
    const { words, paint } = this.#deps
    const event = { type: 'feedback', subject: turnId, rating, ...(reason === '' ? {} : { reason }) } as const
    this.#chat.send({ id: randomUUID(), kind: 'event', event }).then(
      () => this.#print([paint.dim(words.thanks)]),
      (thrown: unknown) => this.#print([paint.warn(printable(toYizhanError(thrown).message))]),
    )
  }

  #stop(): boolean {
    const running = [...this.#asked].filter(([, { waits, stopping }]) => !waits && !stopping)
    const [id, question] = running.find(([one]) => one === this.#streaming) ?? running[0] ?? []
    if (id === undefined || question === undefined) return false
    question.stopping = true
    this.#chat
      .send({ id: randomUUID(), kind: 'event', event: { type: 'cancel', subject: id } })
      .catch((thrown: unknown) => this.#print([printable(toYizhanError(thrown).message)]))
    return true
  }

  #changed(): void {
    this.#showStatus()
    if (this.#asked.size === 0) this.#onIdle?.()
  }

  #showStatus(): void {
    const runs = [...this.#asked].some(([id, { waits }]) => !waits && id !== this.#streaming)
    const { words, view } = this.#deps
    view.setStatus(statusLines({ runs, tickets: this.#tickets, link: this.#info?.link }, words))
  }
}

function clipped(text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length <= MAX_QUOTE ? line : `${line.slice(0, MAX_QUOTE - 1)}…`
}
