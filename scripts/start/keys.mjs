// Keys of `npm start` on a terminal.
import { readFileSync } from 'node:fs'

/** A job in the background that touches the terminal's mode is stopped by the system. */
function inForeground() {
  try {
    const [, , group, , , terminalGroup] = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')
    return group === terminalGroup
  } catch {
    return true
  }
}

/** Whether keys can be read here. */
export function hasKeys(stdin) {
  return stdin.isTTY === true && inForeground()
}

/** Calls the action of each key pressed; Ctrl-C is `q`. */
export function watchKeys(stdin, actions) {
  stdin.setRawMode(true)
  stdin.resume()
  stdin.on('data', (keys) => {
    for (const key of keys.toString()) actions[key === '\u0003' ? 'q' : key]?.()
  })
}
