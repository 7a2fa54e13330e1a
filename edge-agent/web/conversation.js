import { lineOf, spoken } from './line.js'
import { Lines, replyEntry } from './lines.js'
import { announce } from './live.js'
import { helloOf } from './log.js'
import { Running } from './running.js'
import { randomId } from './storage.js'
import { TicketBook } from './ticket-book.js'

/**
 * One chat on the screen: what is said goes to the edge until it has it for certain, what comes is drawn once. `deps`:
 * the log, `publish(payload, done)`, `welcome()`, `onBusy(none|running|stopping)`, `onSaid(text)`, `onFull()`.
 */
export class Conversation {
  #deps
  #lines
  #running
  #tickets = new TicketBook()
  /** Published by this page and not acknowledged yet: mqtt.js sees to those. */
  #inFlight = new Set()
  #told = new Set()
  #offElsewhere

  constructor(address, deps) {
    this.#deps = deps
    this.address = address
    this.#lines = new Lines(address)
    this.#running = new Running(this.#lines)
    this.#offElsewhere = this.#lines.onElsewhere((id) => {
      const entry = this.#lines.get(id)
      if (entry) this.#arrived(entry)
      else deps.log.remove(id)
    })
    for (const { id } of this.#lines.all) this.#told.add(id)
    this.redraw()
  }

  close() {
    this.#offElsewhere()
  }

  redraw() {
    const { log, welcome } = this.#deps
    const say = (text, label) => this.ask({ text, label })
    const hello = this.#lines.size === 0 ? helloOf(welcome(), say) : undefined
    log.drawAll(
      this.#lines.all.map((entry) => this.#line(entry)),
      hello,
    )
    for (const id of this.#running.ids()) this.#showRunning(id)
    this.#busy()
  }

  /** What is not at the edge for certain goes there again, under the same ids. */
  sendAgain() {
    for (const entry of this.#lines.all) {
      if (entry.kind === 'question' && entry.state === 'sending') this.#send(entry)
      if (entry.feedback?.state === 'sending') this.#sendFeedback(entry)
    }
  }

  /** `{text, label?, body?, files?, attachments?, card?}`: `body` is sent in place of `text`, `label` shown. */
  ask(said) {
    const entry = {
      ...said,
      id: randomId(),
      kind: 'question',
      state: 'sending',
      at: new Date().toISOString(),
    }
    const kept = this.#lines.add(entry)
    this.#deps.onSaid(entry.label ?? entry.text)
    if (!this.#lines.kept) this.#deps.onFull()
    this.#deps.log.draw(this.#line(kept), { atEnd: true })
    this.#send(kept)
  }

  /** The last that was typed, for the composer. */
  lastQuestion() {
    return this.#lines.all.findLast(({ kind, card, label }) => kind === 'question' && !card && !label)?.text
  }

  /** Ends every answer that runs. */
  stop() {
    for (const id of this.#running.stop()) this.#publishEvent({ type: 'cancel', subject: id })
    this.#busy()
  }

  out(payload) {
    if (payload.type === 'refused') return this.#refused(payload)
    const kept = this.#lines.add(replyEntry(payload))
    this.#arrived(kept ?? this.#lines.get(payload.id))
  }

  delta(payload) {
    const id = payload.inReplyTo
    if (id === undefined || this.#final(id)) return
    if (!this.#running.take(id, payload)) return
    const notice = this.#notice(id)
    if (notice && this.#tickets.begins(notice.turnId)) this.#redrawEntry(notice)
    this.#showRunning(id)
    this.#busy()
  }

  tickets(payload) {
    const open = this.#lines.all.filter(
      ({ type, ticket, turnId }) => type === 'notice' && ticket && !this.#ended(turnId),
    )
    for (const entry of this.#tickets.take(payload, open)) this.#redrawEntry(entry)
  }

  #line(entry) {
    return lineOf(entry, this.#about(entry), {
      say: (text, label) => this.ask({ text, label }),
      press: (from, action, label) => this.#press(from, action, label),
      retry: (refused) => this.#retry(refused),
      rate: (rated, rating, reason) => this.#rate(rated, rating, reason),
      cancel: (notice) => this.#cancel(notice),
      jump: (id) => this.#deps.log.jump(id),
    })
  }

  #about(entry) {
    return {
      ticket: entry.ticket ? this.#tickets.stateOf(entry, this.#ended(entry.turnId)) : undefined,
      asked: this.#lines.get(entry.inReplyTo) !== undefined,
      pending: new Set(
        entry.card
          ? this.#presses(entry.id)
              .filter(({ id }) => !this.#reply(id))
              .map(({ card }) => card.action)
          : [],
      ),
    }
  }

  #send(entry) {
    if (this.#inFlight.has(entry.id)) return
    this.#inFlight.add(entry.id)
    this.#deps.publish(payloadOf(entry), () => {
      this.#inFlight.delete(entry.id)
      if (this.#lines.get(entry.id)?.state !== 'sending') return
      this.#arrived(this.#lines.change(entry.id, { state: 'sent' }))
    })
  }

  /** Draws an entry that is new or has changed, here or in another tab, and what depends on it. */
  #arrived(entry) {
    const { log } = this.#deps
    if (entry.kind === 'question') {
      log.draw(this.#line(entry))
      if (this.#running.waits(entry)) this.#showRunning(entry.id)
      else if (entry.state === 'refused') this.#settle(entry.id)
    } else {
      this.#drawReply(entry)
      if (!this.#told.has(entry.id)) announce(spoken(entry))
      this.#told.add(entry.id)
    }
    this.#busy()
  }

  #drawReply(entry) {
    const { log } = this.#deps
    const id = entry.inReplyTo
    const interrupted = entry.type === 'notice' && this.#running.text(id) !== ''
    if (interrupted) {
      log.draw(this.#line(entry))
      if (!this.#final(id)) this.#showRunning(id)
    } else {
      log.draw(this.#line(entry), entry.quoted ? {} : { inPlaceOf: id })
      this.#settle(id)
    }
    const notice = entry.type === 'final' ? this.#notice(id) : undefined
    if (notice) this.#redrawEntry(notice)
    const press = this.#lines.get(id)?.card
    if (press) this.#redrawEntry(this.#lines.get(press.from))
  }

  #settle(id) {
    this.#running.end(id)
    this.#deps.log.dropRunning(id)
  }

  #redrawEntry(entry) {
    if (entry) this.#deps.log.draw(this.#line(entry))
  }

  #showRunning(id) {
    const notice = this.#notice(id)
    const waits = notice && this.#tickets.stateOf(notice, undefined).s === 'waiting'
    const about = notice ? { quoted: this.#lines.get(id)?.text, paused: waits } : {}
    this.#deps.log.showRunning(id, this.#running.text(id), about)
  }

  #refused({ inReplyTo, code, message }) {
    if (this.#lines.get(inReplyTo)?.kind !== 'question') return
    this.#arrived(this.#lines.change(inReplyTo, { state: 'refused', code, reason: message }))
  }

  #retry(entry) {
    const again = this.#lines.change(entry.id, { state: 'sending', at: new Date().toISOString() })
    this.#redrawEntry(again)
    this.#send(again)
  }

  #press(from, action, label) {
    this.ask({ text: label, label, card: { id: from.card.id, action, from: from.id } })
    this.#redrawEntry(this.#lines.get(from.id))
  }

  #cancel(notice) {
    this.#tickets.cancelling(notice.turnId)
    this.#redrawEntry(notice)
    this.#publishEvent({ type: 'cancel', subject: notice.inReplyTo })
  }

  #rate(entry, rating, reason) {
    const feedback = { rating, reason, id: randomId(), state: 'sending' }
    this.#sendFeedback(this.#lines.change(entry.id, { feedback }))
  }

  #sendFeedback({ id, turnId, feedback }) {
    if (this.#inFlight.has(feedback.id)) return
    this.#inFlight.add(feedback.id)
    const { rating, reason } = feedback
    this.#publishEvent({ type: 'feedback', subject: turnId, rating, reason }, feedback.id, () => {
      this.#inFlight.delete(feedback.id)
      const now = this.#lines.get(id)?.feedback
      if (now?.id === feedback.id) this.#lines.change(id, { feedback: { ...now, state: 'sent' } })
    })
  }

  #publishEvent(event, id = randomId(), done = undefined) {
    this.#deps.publish({ id, kind: 'event', event }, done)
  }

  #busy() {
    this.#deps.onBusy(this.#running.busy())
  }

  #presses = (from) => this.#lines.all.filter(({ card }) => card?.from === from)
  #reply = (id) => this.#lines.find(({ kind, inReplyTo }) => kind === 'reply' && inReplyTo === id)
  #final = (id) => this.#lines.find(({ type, inReplyTo }) => type === 'final' && inReplyTo === id)
  #notice = (id) => this.#lines.find(({ type, inReplyTo }) => type === 'notice' && inReplyTo === id)
  #ended = (turnId) => this.#lines.find((entry) => entry.type === 'final' && entry.turnId === turnId)
}

function payloadOf({ id, text, body, card, attachments }) {
  if (card) return { id, kind: 'card', card: { id: card.id, action: card.action }, text }
  return { id, text: body ?? text, ...(attachments?.length > 0 ? { attachments } : {}) }
}
