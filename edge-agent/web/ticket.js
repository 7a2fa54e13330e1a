import { make, makeButton, makeIcon, put } from './element.js'
import { words } from './words.js'

/**
 * What stands on a notice. `state` is `{s: 'waiting', place?, cancelling} | {s: 'running', cancelling} | {s: 'ended', finish}`;
 * `cancel` is called for its button.
 */
export function ticketOf(entry, state, cancel) {
  const box = make('div', `ticket ${state.s}`)
  box.append(makeIcon('ticket'))
  box.append(make('b', '', words.ticket(entry.ticket)))
  box.append(make('span', 'place', told(state)))
  if (state.s !== 'ended') {
    const button = makeButton(
      'push small',
      state.cancelling ? words.cancelling : words.cancelTicket,
      () => state.cancelling || cancel(),
    )
    if (state.cancelling) button.setAttribute('aria-disabled', 'true')
    put(box, button)
  }
  return box
}

function told(state) {
  switch (state.s) {
    case 'waiting':
      return state.place === undefined ? words.by.queued : words.place(state.place)
    case 'running':
      return words.running
    case 'ended':
      if (state.finish === 'cancelled') return words.ticketCancelled
      return state.finish === 'failed' ? words.ticketFailed : words.ticketAnswered
    default:
      return ''
  }
}

/** Who takes over; the bot says nothing more by itself, so there is nothing to cancel. */
export function handoffOf(entry) {
  const box = make('div', 'ticket handoff')
  const to = entry.handoff === '' ? words.handoff : words.handoffTo(entry.handoff)
  return put(box, makeIcon('person'), make('b', '', to))
}
