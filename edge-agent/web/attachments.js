import { iconButton, make, makeIcon, put } from './element.js'
import { announce } from './live.js'
import { fileSize, words } from './words.js'

const MAX_FILES = 10
const MAX_NAME = 255
const MAX_MEDIA_TYPE = 127
const TEXT_FILE = /\.(txt|md|csv|log)$/i
const MAX_BYTES_PER_CHAR = 4

const list = document.getElementById('files')

/**
 * The files of the message that is being written. What they hold never travels: a short text may be put into the
 * message, by choice; of the others the name is sent. `onChange` is called when what would be sent has changed.
 */
export class Attachments {
  #items = []
  #onChange
  #limits = { maxTextChars: 0, attachments: false }

  constructor(onChange) {
    this.#onChange = onChange
  }

  limits(limits) {
    this.#limits = limits
  }

  get size() {
    return this.#items.length
  }

  async add(files) {
    if (this.#items.length + files.length > MAX_FILES) announce(words.tooManyFiles)
    const fresh = [...files].slice(0, MAX_FILES - this.#items.length)
    this.#items.push(...(await Promise.all(fresh.map((file) => this.#itemOf(file)))))
    this.draw()
    this.#onChange()
  }

  clear() {
    this.#items = []
    this.draw()
  }

  /** What is to be sent along: `quoted` comes after the text, `attachments` names files, `files` is for one's own line. */
  take() {
    const inMessage = this.#items.filter(({ chosen }) => chosen)
    const named = this.#items.filter(({ chosen }) => !chosen)
    return {
      quoted: inMessage.map(({ name, text }) => `\n\n${name}:\n${quote(text)}`).join(''),
      attachments: named.map(({ name, mediaType, size }) => ({ name, mediaType, size })),
      files: this.#items.map(({ name, size, chosen }) => ({ name, size, inMessage: chosen })),
    }
  }

  async #itemOf(file) {
    const name = file.name.slice(-MAX_NAME) || '?'
    const mediaType = file.type.slice(0, MAX_MEDIA_TYPE) || 'application/octet-stream'
    const item = { name, mediaType, size: file.size, chosen: false }
    if (this.#limits.attachments || !TEXT_FILE.test(name)) return item
    if (file.size > this.#limits.maxTextChars * MAX_BYTES_PER_CHAR) return { ...item, tooLong: true }
    try {
      const text = decode(await file.arrayBuffer()).trimEnd()
      return quote(text).length > this.#limits.maxTextChars ? { ...item, tooLong: true } : { ...item, text }
    } catch {
      announce(words.unreadable(name))
      return item
    }
  }

  draw() {
    list.hidden = this.#items.length === 0
    list.setAttribute('aria-label', words.files)
    list.replaceChildren(...this.#items.map((item) => this.#row(item)))
  }

  #row(item) {
    const row = make('li', 'attached')
    put(row, makeIcon('clip'), make('b', '', item.name), make('span', 'size', fileSize(item.size)))
    put(row, item.text === undefined ? this.#note(item) : this.#choice(item))
    const remove = () => {
      this.#items = this.#items.filter((each) => each !== item)
      this.draw()
      this.#onChange()
      document.getElementById('text').focus()
    }
    return put(row, iconButton('small', 'close', words.remove(item.name), remove))
  }

  #note({ tooLong }) {
    if (this.#limits.attachments) return undefined
    return make('span', 'note', tooLong ? `${words.tooLongFile}, ${words.nameOnly}` : words.nameOnly)
  }

  #choice(item) {
    const label = make('label', 'note')
    const box = make('input')
    box.type = 'checkbox'
    box.checked = item.chosen
    box.addEventListener('change', () => {
      item.chosen = box.checked
      this.#onChange()
    })
    return put(label, box, make('span', '', words.quoteFile))
  }
}

/** UTF-8, else what Chinese Windows writes. */
function decode(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030', { fatal: true }).decode(bytes)
  }
}

const quote = (text) =>
  text
    .split(/\r\n?|\n/)
    .map((line) => `> ${line}`)
    .join('\n')
