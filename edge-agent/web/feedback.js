import { iconButton, make, makeButton, put } from './element.js'
import { announce } from './live.js'
import { words } from './words.js'

const MAX_REASON = 1_000

/**
 * Thumbs up and down for an answer, and a short form for the reason. `rate(rating, reason)` is called with `up`, `down`
 * or `none`, which takes it back.
 */
export function feedbackOf(entry, rate) {
  let current = entry.feedback ?? { rating: 'none', reason: '' }
  const form = make('form', 'reason')
  form.hidden = true
  const change = (rating, reason = '') => {
    current = { rating, reason }
    rate(rating, reason)
    show()
    announce(rating === 'none' ? words.takenBack : words.thanks)
  }
  const press = (rating) => {
    const again = current.rating === rating
    form.hidden = again || rating === 'up'
    change(again ? 'none' : rating)
    if (!form.hidden) form.elements.reason.focus()
  }
  const up = iconButton('rate', 'up', words.up, () => press('up'))
  const down = iconButton('rate', 'down', words.down, () => press('down'))
  const show = () => {
    up.setAttribute('aria-pressed', String(current.rating === 'up'))
    down.setAttribute('aria-pressed', String(current.rating === 'down'))
  }
  const close = () => {
    form.hidden = true
    down.focus()
  }
  fill(form, current.reason, close)
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const reason = form.elements.reason.value.trim()
    close()
    if (reason !== current.reason) change('down', reason)
  })
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    close()
  })
  show()
  return { buttons: [up, down], form }
}

function fill(form, reason, close) {
  const label = make('label', '', words.why)
  const input = make('input')
  input.name = 'reason'
  input.maxLength = MAX_REASON
  input.value = reason
  input.autocomplete = 'off'
  const send = make('button', 'push small primary', words.sendReason)
  put(label, input)
  put(form, label, put(make('div', 'row'), send, makeButton('push small', words.skipReason, close)))
}
