import { make, makeButton, name, put } from './element.js'
import { prose } from './prose.js'
import { words } from './words.js'

const ADDRESS = /^(https:\/\/|mailto:|tel:)/i

/**
 * A card with its facts and buttons. `pending` are the actions that were pressed and not answered yet; `on` has
 * `press(action, label)` and `say(text, label)`.
 */
export function cardOf(card, pending, on) {
  const section = make('section', 'card')
  section.setAttribute('aria-label', card.title)
  put(section, make('h3', '', card.title))
  if (card.text) put(section, prose(card.text))
  if (card.facts.length > 0) put(section, facts(card.facts))
  if (card.buttons.length > 0) {
    const buttons = make('div', 'buttons')
    put(section, put(buttons, ...card.buttons.map((button) => buttonOf(button, pending, on))))
  }
  return section
}

function facts(rows) {
  const list = make('dl', 'facts')
  for (const row of rows) put(list, put(make('div'), make('dt', '', row.name), make('dd', '', row.value)))
  return list
}

function buttonOf({ label, style, does }, pending, on) {
  const className = `push ${style === 'primary' || style === 'danger' ? style : ''}`
  switch (does.kind) {
    case 'say':
      return makeButton(className, label, () => on.say(does.text, label))
    case 'url':
      return linkOf(className, label, does.url)
    case 'action': {
      const waits = pending.has(does.action)
      const button = makeButton(className, label, () => waits || on.press(does.action, label))
      if (waits) {
        button.classList.add('pending')
        button.setAttribute('aria-busy', 'true')
        button.setAttribute('aria-disabled', 'true')
      }
      return button
    }
    default:
      return undefined
  }
}

function linkOf(className, label, url) {
  // The edge lets only these through; a page does not rely on it.
  if (!ADDRESS.test(url)) return make('span', className, label)
  const link = make('a', className, label)
  link.href = url
  link.target = '_blank'
  link.rel = 'noopener noreferrer'
  name(link, `${label} (${words.opensNew})`)
  return link
}

/** Buttons under a question back, each says what it stands for. */
export function choicesOf(choices, say) {
  const group = make('div', 'choices')
  group.setAttribute('role', 'group')
  group.setAttribute('aria-label', words.choices)
  return put(group, ...choices.map(({ label, text }) => makeButton('chip', label, () => say(text, label))))
}
