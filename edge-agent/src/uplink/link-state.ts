import type { LinkState } from './port.js'

export type LinkEvent =
  | { readonly e: 'dialled'; readonly attempt: number }
  | { readonly e: 'welcomed'; readonly generation: bigint; readonly at: number }
  | { readonly e: 'lost'; readonly attempt: number; readonly until: number; readonly reason: string }
  | { readonly e: 'refused'; readonly code: string; readonly reason: string; readonly until: number }
  | { readonly e: 'stopped' }

/** The state after `event`. Events that do not fit a state (late ones, of a link already replaced) change nothing. */
export function nextLinkState(state: LinkState, event: LinkEvent): LinkState {
  if (state.s === 'stopped') return state
  switch (event.e) {
    case 'dialled':
      return state.s === 'ready' ? state : { s: 'connecting', attempt: event.attempt }
    case 'welcomed':
      // Make-before-break: a ready link may be replaced, by a newer generation only.
      if (state.s === 'ready' && event.generation <= state.generation) return state
      return { s: 'ready', generation: event.generation, since: event.at }
    case 'lost':
      return { s: 'backing-off', attempt: event.attempt, until: event.until, reason: event.reason }
    case 'refused':
      return { s: 'refused', code: event.code, reason: event.reason, until: event.until }
    case 'stopped':
      return { s: 'stopped' }
    default:
      return event satisfies never
  }
}
