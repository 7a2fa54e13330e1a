import { make, makeButton, makeIcon, name, put } from './element.js'
import { StreamingProse } from './prose.js'
import { local, words } from './words.js'

const NEAR_END_PX = 120
const log = document.getElementById('log')
const latest = document.getElementById('latest')

/** The lines on the screen. Whoever reads further up is left there; whoever is at the end stays at the end. */
export class Log {
  /** Running answers on the screen, by the question's id. */
  #running = new Map()
  #following = true

  constructor() {
    log.addEventListener('scroll', () => {
      this.#following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX
      latest.hidden = this.#following
    })
    latest.addEventListener('click', () => {
      this.toEnd()
      log.focus()
    })
    // A keyboard that opens, a window that shrinks.
    new ResizeObserver(() => this.#follow()).observe(log)
  }

  /** Draws a whole chat anew. */
  drawAll(lines, welcome) {
    this.#running.clear()
    log.replaceChildren(...(welcome ? [welcome] : []), ...lines)
    this.toEnd()
  }

  /** Draws a line: in place of its older self, else in place of the running answer to `after`, else at the end. */
  draw(line, { inPlaceOf, atEnd = false } = {}) {
    const old =
      find(line.dataset.id) ?? (inPlaceOf === undefined ? undefined : this.#running.get(inPlaceOf)?.line)
    if (inPlaceOf !== undefined) this.#running.delete(inPlaceOf)
    if (old?.isConnected) replaceKeepingFocus(old, line)
    else log.append(line)
    log.querySelector('.hello')?.remove()
    if (atEnd) this.toEnd()
    else this.#follow()
  }

  /** Shows that something is coming for a question, as far as it has come. `quoted` stands over a late one. */
  showRunning(id, text, { quoted, paused = false } = {}) {
    const running = this.#running.get(id) ?? this.#addRunning(id, quoted)
    running.show(text, paused)
    this.#follow()
  }

  dropRunning(id) {
    this.#running.get(id)?.line.remove()
    this.#running.delete(id)
  }

  #addRunning(id, quoted) {
    const running = new RunningLine(quoted, () => this.#follow())
    this.#running.set(id, running)
    log.append(running.line)
    return running
  }

  remove(id) {
    find(id)?.remove()
  }

  jump(id) {
    const line = find(id)
    if (!line) return
    line.tabIndex = -1
    line.focus({ preventScroll: true })
    line.scrollIntoView({ block: 'center' })
    line.classList.remove('found')
    // Starts the animation anew.
    void line.offsetWidth
    line.classList.add('found')
  }

  toEnd() {
    this.#following = true
    log.scrollTop = log.scrollHeight
    latest.hidden = true
  }

  #follow() {
    if (this.#following) log.scrollTop = log.scrollHeight
  }
}

const find = (id) => [...log.children].find((line) => line.dataset.id === id)

/** Who stood on a button of the line stands on the same one of the new line. */
function replaceKeepingFocus(old, line) {
  const buttons = (element) => [...element.querySelectorAll('button, a, input')]
  const index = buttons(old).indexOf(document.activeElement)
  old.replaceWith(line)
  if (index >= 0) (buttons(line)[index] ?? log).focus()
}

/** An answer that is being written. It is read out once it is whole, not piece by piece. */
class RunningLine {
  #bubble = make('div', 'bubble')
  #prose
  #note

  constructor(quoted, onPaint) {
    this.line = put(make('article', 'line bot running'), this.#bubble)
    this.line.setAttribute('aria-label', words.bot)
    this.line.setAttribute('aria-busy', 'true')
    if (quoted) put(this.#bubble, make('blockquote', 'quoted', quoted))
    this.onPaint = onPaint
  }

  show(text, paused) {
    this.line.classList.toggle('paused', paused)
    if (text !== '') {
      this.#prose ??= this.#begin()
      this.#prose.show(text)
    }
    this.#note?.remove()
    if (paused) this.#note = make('p', 'meta paused-note', words.paused)
    else this.#note = text === '' ? dots() : undefined
    put(this.#bubble, this.#note)
  }

  #begin() {
    const prose = new StreamingProse(this.onPaint)
    put(this.#bubble, prose.element)
    return prose
  }
}

function dots() {
  const box = make('span', 'dots')
  return put(box, make('span', 'unseen', words.thinking), make('i'), make('i'), make('i'))
}

/** What stands in an empty chat: the tenant's welcome, what could be asked, and what the colours mean. */
export function helloOf(welcome, say) {
  const box = make('section', 'hello')
  const text = local(welcome?.text) || words.hello
  put(box, make('h2', '', text))
  const suggestions = (welcome?.suggest ?? []).map(local).filter((each) => each !== '')
  const list = make('div', 'suggest')
  list.setAttribute('role', 'group')
  list.setAttribute('aria-label', words.suggestions)
  put(box, put(list, ...suggestions.map((each) => makeButton('suggestion', each, () => say(each)))))
  const legend = make('p', 'legend')
  return put(box, put(legend, ...Object.keys(words.by).map((by) => make('span', `tag ${by}`, words.by[by]))))
}

/** Names what is drawn once only. */
export function labelLog() {
  // It scrolls, so the keyboard has to get there.
  log.tabIndex = 0
  log.setAttribute('aria-label', words.log)
  latest.replaceChildren(makeIcon('latest'))
  name(latest, words.latest)
}
