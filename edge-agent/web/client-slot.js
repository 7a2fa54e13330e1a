import { browserName, randomId } from './storage.js'

const MAX_SLOTS = 64
const TAB = 'yizhan.tab'

/**
 * A client id that this tab has for itself and gets again after a reload: the edge then knows at once that the
 * connection before is dead. Two tabs never share one, or they would push each other out for ever.
 */
export async function claimClientId() {
  return `page-${browserName()}-${(await lockedSlot()) ?? tabName()}`
}

/** The lowest number that no other tab of this browser holds; held until the tab is gone. */
async function lockedSlot() {
  // Only on pages with TLS and on this machine itself.
  if (!navigator.locks) return undefined
  for (let slot = 0; slot < MAX_SLOTS; slot++) {
    if (await holds(`yizhan.slot.${slot}`)) return String(slot)
  }
  return undefined
}

function holds(name) {
  return new Promise((resolve) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null)
        return lock ? new Promise(() => {}) : undefined
      })
      .catch(() => resolve(false))
  })
}

/**
 * A name that is in the tab's own storage only while no page has it: a duplicated tab, which begins with a copy of that
 * storage, finds none and makes its own.
 */
function tabName() {
  let name = randomId()
  try {
    name = sessionStorage.getItem(TAB) ?? name
    sessionStorage.removeItem(TAB)
    addEventListener('pagehide', () => sessionStorage.setItem(TAB, name))
    addEventListener('pageshow', () => sessionStorage.removeItem(TAB))
  } catch {
    // Not even that is kept: a name for this load.
  }
  return name
}
