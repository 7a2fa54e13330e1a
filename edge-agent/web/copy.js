import { iconButton, makeIcon, name } from './element.js'
import { announce } from './live.js'
import { words } from './words.js'

const SHOWN_MS = 1_500

/** A button that copies what `text()` gives. */
export function copyButton(text, label = words.copy) {
  return iconButton('copy', 'copy', label, async (button) => {
    if (!(await toClipboard(text()))) return
    button.replaceChildren(makeIcon('check'))
    name(button, words.copied)
    announce(words.copied)
    setTimeout(() => {
      button.replaceChildren(makeIcon('copy'))
      name(button, label)
    }, SHOWN_MS)
  })
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Without TLS there is no clipboard: the old way.
    return copySelected(text)
  }
}

function copySelected(text) {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'unseen'
  document.body.append(field)
  field.select()
  const copied = document.execCommand('copy')
  field.remove()
  focused?.focus()
  return copied
}
