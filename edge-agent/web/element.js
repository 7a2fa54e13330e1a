/** An element with a class and text; everything from outside comes in as text, never as markup. */
export function make(tag, className, text) {
  const element = document.createElement(tag)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  return element
}

/** `parent` with these children; what is undefined is left out. */
export function put(parent, ...children) {
  parent.append(...children.filter((child) => child !== undefined))
  return parent
}

/** A button that never submits. */
export function makeButton(className, text, onPress) {
  const button = make('button', className, text)
  button.type = 'button'
  button.addEventListener('click', () => onPress(button))
  return button
}

/** A button that shows an icon only; `label` is its name and its tooltip. */
export function iconButton(className, icon, label, onPress) {
  const button = makeButton(`icon ${className}`, undefined, onPress)
  button.append(makeIcon(icon))
  name(button, label)
  return button
}

export function name(element, label) {
  element.setAttribute('aria-label', label)
  element.title = label
}

const PATHS = {
  send: 'M12 19V5M5 12l7-7 7 7',
  stop: 'M5.5 5.5h13v13h-13z',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'm5 12.5 4.5 4.5L19 7.5',
  up: 'M7 11v9H4v-9zM7 11l4-8c1.7 0 2.5 1 2.5 2.5L13 9h6l-1.6 9.2a2 2 0 0 1-2 1.8H7',
  down: 'M17 13V4h3v9zM17 13l-4 8c-1.7 0-2.5-1-2.5-2.5L11 15H5l1.6-9.2a2 2 0 0 1 2-1.8H17',
  clip: 'm20 11.5-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.6 8.5a1.6 1.6 0 0 1-2.3-2.3l7.9-7.9',
  close: 'm6 6 12 12M18 6 6 18',
  add: 'M12 5v14M5 12h14',
  chats: 'M4 5h16v11H9l-5 4zM8 9h8M8 12.5h5',
  light:
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.5 17.5 5 19',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  auto: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 3v18M12 7h4.5M12 11h6M12 15h5.5',
  latest: 'M12 5v14M5 12l7 7 7-7',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20a7.5 7.5 0 0 1 15 0',
  ticket: 'M4 7h16v3.5a1.5 1.5 0 0 0 0 3V17H4v-3.5a1.5 1.5 0 0 0 0-3zM14 7v10',
}
const SVG = 'http://www.w3.org/2000/svg'

export function makeIcon(icon) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('d', PATHS[icon])
  svg.append(path)
  return svg
}
