import { Attachments } from './attachments.js'
import { makeIcon, name } from './element.js'
import { tabRead, tabWrite } from './storage.js'
import { words } from './words.js'

const MAX_INPUT_PX = 180
const COUNT_FROM = 0.8
const by = (id) => document.getElementById(id)
const form = by('composer')
const input = by('text')
const send = by('send')
const stop = by('stop')
const attach = by('attach')
const picker = by('picker')
const count = by('count')

/**
 * Where a message is written. `on` has `say({text, body, files, attachments})`, true if it was
 * taken, `stop()` and `last()`, the last question.
 */
export class Composer {
  #on
  #limits = { maxTextChars: Number.POSITIVE_INFINITY, attachments: false }
  #attachments = new Attachments(() => this.#changed())
  #busy = 'none'

  constructor(on) {
    this.#on = on
    input.value = tabRead('draft') ?? ''
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#send()
    })
    input.addEventListener('input', () => this.#changed())
    input.addEventListener('keydown', (event) => this.#key(event))
    stop.addEventListener('click', () => this.#on.stop())
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !document.querySelector('dialog[open]')) this.#on.stop()
    })
    attach.addEventListener('click', () => picker.click())
    picker.addEventListener('change', async () => {
      await this.#attachments.add(picker.files)
      picker.value = ''
      input.focus()
    })
    input.addEventListener('paste', (event) => {
      if (event.clipboardData.files.length === 0) return
      event.preventDefault()
      void this.#attachments.add(event.clipboardData.files)
    })
    this.#takeDrops()
  }

  label() {
    input.placeholder = words.placeholder
    input.setAttribute('aria-label', words.placeholder)
    name(send, words.send)
    name(attach, words.attach)
    send.replaceChildren(makeIcon('send'))
    attach.replaceChildren(makeIcon('clip'))
    by('hint').textContent = words.hint
    by('drop').textContent = words.drop
    this.#attachments.draw()
    this.busy(this.#busy)
    this.#changed()
  }

  limits(limits) {
    this.#limits = limits
    this.#attachments.limits(limits)
    this.#changed()
  }

  /** `none`, `running`, or `stopping`: asked to stop and not stopped yet. */
  busy(state) {
    const focused = document.activeElement === stop
    this.#busy = state
    stop.hidden = state === 'none'
    stop.setAttribute('aria-disabled', String(state === 'stopping'))
    name(stop, state === 'stopping' ? words.stopping : words.stop)
    stop.replaceChildren(makeIcon('stop'))
    if (focused && stop.hidden) input.focus()
  }

  focus() {
    input.focus()
  }

  #message() {
    const text = input.value.trim()
    const { quoted, attachments, files } = this.#attachments.take()
    return { text, body: (text + quoted).trim(), attachments, files }
  }

  #send() {
    const { text, body, attachments, files } = this.#message()
    if ((body === '' && attachments.length === 0) || body.length > this.#limits.maxTextChars) return
    const taken = this.#on.say({
      text,
      ...(body === text ? {} : { body }),
      ...(files.length > 0 ? { files, attachments } : {}),
    })
    // Nobody to say it to yet: it stays in the box.
    if (!taken) return
    input.value = ''
    this.#attachments.clear()
    this.#changed()
  }

  #key(event) {
    // Enter that picks a word in an input method does not send; Safari says so by 229 alone.
    if (event.isComposing || event.keyCode === 229) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      form.requestSubmit()
    }
    if (event.key !== 'ArrowUp' || input.value !== '') return
    const last = this.#on.last()
    if (last === undefined) return
    event.preventDefault()
    input.value = last
    this.#changed()
  }

  #changed() {
    const { body, attachments } = this.#message()
    const { maxTextChars } = this.#limits
    const over = body.length - maxTextChars
    count.hidden = body.length < maxTextChars * COUNT_FROM
    count.textContent = over > 0 ? words.over(over) : words.count(-over)
    count.classList.toggle('over', over > 0)
    input.setAttribute('aria-invalid', String(over > 0))
    send.disabled = over > 0 || (body === '' && attachments.length === 0)
    tabWrite('draft', input.value)
    input.style.height = 'auto'
    const borders = input.offsetHeight - input.clientHeight
    input.style.height = `${Math.min(input.scrollHeight + borders, MAX_INPUT_PX)}px`
  }

  #takeDrops() {
    const holdsFiles = (event) => event.dataTransfer?.types.includes('Files')
    let depth = 0
    const show = (step) => {
      depth = Math.max(depth + step, 0)
      by('drop').hidden = depth === 0
    }
    addEventListener('dragenter', (event) => holdsFiles(event) && show(1))
    addEventListener('dragleave', (event) => holdsFiles(event) && show(-1))
    addEventListener('dragover', (event) => holdsFiles(event) && event.preventDefault())
    addEventListener('drop', (event) => {
      if (!holdsFiles(event)) return
      event.preventDefault()
      show(-depth)
      void this.#attachments.add(event.dataTransfer.files)
    })
  }
}
