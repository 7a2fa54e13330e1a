const region = document.getElementById('announce')
let turn = false

/** Reads `text` out, politely. */
export function announce(text) {
  // The same words twice are two announcements.
  turn = !turn
  region.textContent = turn ? text : `${text}\u00a0`
}
