import { make, makeButton, put } from './element.js'
import { words } from './words.js'

const dialog = document.getElementById('passage')

/** The sources under an answer, each opens its passage. */
export function sourcesOf(citations) {
  const group = make('div', 'sources')
  group.setAttribute('role', 'group')
  group.setAttribute('aria-label', words.sources(citations.length))
  citations.forEach((citation, index) => {
    const button = makeButton('source', undefined, () => openPassage(citations, index))
    put(button, make('span', 'number', String(index + 1)), make('span', 'title', placeOf(citation)))
    group.append(button)
  })
  return group
}

/** Headings begin with the title where the document does. */
function placeOf({ title, document: file, heading }) {
  const name = title || file
  if (!heading) return name
  return heading.startsWith(name) ? heading : `${name} › ${heading}`
}

/** Opens a passage; Esc closes it and the focus goes back to where it was. */
export function openPassage(citations, index) {
  const { title, document: file, heading, passage } = citations[index]
  const head = make('header')
  put(head, make('span', 'number', String(index + 1)), make('h2', '', title || file))
  const close = makeButton('push', words.close, () => dialog.close())
  const parts = [head]
  if (heading && heading !== title) parts.push(make('p', 'heading', heading))
  const text = make('blockquote', '', passage)
  // It may be longer than the dialog.
  text.tabIndex = 0
  parts.push(text, make('p', 'file', `${words.document}: ${file}`), close)
  dialog.setAttribute('aria-label', words.source(index + 1, title || file))
  dialog.replaceChildren(...parts)
  dialog.showModal()
  close.focus()
}

dialog.addEventListener('click', ({ target }) => {
  // The backdrop is the dialog itself.
  if (target === dialog) dialog.close()
})
