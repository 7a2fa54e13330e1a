import { make, makeButton } from './element.js'
import { onLanguage, words } from './words.js'

const POLL_MS = 2_000
const strip = document.getElementById('demo')

/** The demo's switches, as the launcher says they stand. */
export class Demo {
  #state
  #failed = false
  #timer
  #drawn = ''

  constructor() {
    onLanguage(() => this.#draw())
  }

  show(shown) {
    strip.hidden = !shown
    clearInterval(this.#timer)
    if (!shown) return
    this.#timer = setInterval(() => document.visibilityState === 'visible' && this.refresh(), POLL_MS)
    void this.refresh()
  }

  async refresh() {
    await this.#ask('/demo')
  }

  async #ask(path, state) {
    const post = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ state }),
    }
    try {
      const answer = await fetch(path, state === undefined ? {} : post)
      if (!answer.ok) throw new Error(String(answer.status))
      this.#state = await answer.json()
      this.#failed = false
    } catch {
      this.#failed = true
    }
    this.#draw()
  }

  #draw() {
    const { link, center } = this.#state ?? {}
    // Focus stays on a button that says the same.
    const now = `${words.lang} ${link} ${center} ${this.#failed}`
    if (this.#drawn === now) return
    this.#drawn = now
    const focused = [...strip.querySelectorAll('button')].indexOf(document.activeElement)
    strip.setAttribute('aria-label', words.demo)
    const parts = [make('b', '', words.demo)]
    if (this.#failed || !this.#state) parts.push(make('span', 'state', this.#failed ? words.demoGone : ''))
    else {
      const cut = makeButton('push small', words.demoLink[link], () =>
        this.#ask('/demo/link', link === 'cut' ? 'up' : 'cut'),
      )
      const kill = makeButton('push small', words.demoCenter[center], () =>
        this.#ask('/demo/center', center === 'running' ? 'killed' : 'running'),
      )
      kill.disabled = center === 'starting'
      const told = words.demoState(words.demoWords[link], words.demoWords[center])
      parts.push(cut, kill, make('span', `state ${link} ${center}`, told))
    }
    strip.replaceChildren(...parts)
    strip.querySelectorAll('button')[focused]?.focus()
  }
}
