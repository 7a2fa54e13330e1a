import { make, makeButton, makeIcon, name, put } from './element.js'
import { preference, setPreference } from './storage.js'
import { clockTime, local, onLanguage, switchLanguage, words } from './words.js'

const by = (id) => document.getElementById(id)
const THEMES = ['auto', 'light', 'dark']
const dark = matchMedia('(prefers-color-scheme: dark)')
const chatsDialog = by('chats-dialog')

/** What stands above the chat. `on` has `tenant(id)`, `newChat()`, `chats()` (the recent ones) and `chat(id)`. */
export class Header {
  #on
  #theme = preference('theme') ?? 'auto'

  constructor(on) {
    this.#on = on
    by('tenant').addEventListener('change', () => on.tenant(by('tenant').value))
    by('new-chat').addEventListener('click', () => on.newChat())
    by('chats').addEventListener('click', () => this.#openChats())
    by('language').addEventListener('click', switchLanguage)
    by('theme').addEventListener('click', () => this.#nextTheme())
    by('skip').addEventListener('click', (event) => {
      event.preventDefault()
      by('text').focus()
    })
    chatsDialog.addEventListener('click', ({ target }) => {
      if (target === chatsDialog) chatsDialog.close()
    })
    dark.addEventListener('change', () => this.#paint())
    onLanguage(() => this.label())
    this.#paint()
  }

  label() {
    document.documentElement.lang = words.lang
    by('skip').textContent = words.skip
    by('tenant').setAttribute('aria-label', words.tenant)
    by('language').textContent = words.language
    name(by('language'), words.languageLabel)
    by('language').lang = words.lang === 'en' ? 'zh-CN' : 'en'
    for (const [id, icon, label] of [
      ['new-chat', 'add', words.newChat],
      ['chats', 'chats', words.chats],
      ['theme', this.#theme, words.theme[this.#theme]],
    ]) {
      by(id).replaceChildren(makeIcon(icon))
      name(by(id), label)
    }
  }

  /** `state` of the page's own connection; what `info` tells of the edge's link to the center, and of its mode. */
  status(state, info) {
    const { link, mode, tenants } = info ?? {}
    let shown = state
    if (state === 'ready' && mode?.state === 'degraded') shown = mode.reason
    if (state === 'ready' && link && link.state !== 'ready') shown = 'away'
    if (state === 'ready' && tenants?.length === 0) shown = 'starting'
    const status = by('status')
    status.dataset.state = shown
    status.textContent = told(shown, link)
    status.title = hint(shown, link)
  }

  place(info, tenant) {
    const own = info.tenants.find((each) => each.id === tenant)
    const title = local(own?.name) || tenant
    by('title').textContent = title
    // The edge of a branch is often called like the branch.
    const same = info.site.toLowerCase() === info.edge.toLowerCase()
    by('site').textContent = words.site(info.site, same ? '' : info.edge)
    document.title = `${title} · 驿站`
    const select = by('tenant')
    select.hidden = info.tenants.length < 2
    const optionOf = ({ id, name: each }) => new Option(local(each) || id, id, false, id === tenant)
    select.replaceChildren(...info.tenants.map(optionOf))
  }

  /** A dot at the recent chats: one of them has a new answer. */
  unread(some) {
    by('chats').classList.toggle('unread', some)
    name(by('chats'), some ? `${words.chats} (${words.unread})` : words.chats)
  }

  #openChats() {
    const { current, all } = this.#on.chats()
    const list = make('ul')
    for (const chat of all) {
      const button = makeButton(chat.unread ? 'chat unread' : 'chat', undefined, () => {
        chatsDialog.close()
        this.#on.chat(chat.id)
      })
      put(button, make('span', 'title', chat.title || words.emptyChat))
      put(button, make('span', 'when', chat.unread ? words.unread : clockTime(chat.at)))
      if (chat.id === current) button.setAttribute('aria-current', 'true')
      list.append(put(make('li'), button))
    }
    chatsDialog.setAttribute('aria-label', words.chats)
    const close = makeButton('push', words.close, () => chatsDialog.close())
    chatsDialog.replaceChildren(make('h2', '', words.chats), list, close)
    chatsDialog.showModal()
  }

  #nextTheme() {
    this.#theme = THEMES[(THEMES.indexOf(this.#theme) + 1) % THEMES.length]
    setPreference('theme', this.#theme)
    this.#paint()
    this.label()
  }

  #paint() {
    const isDark = this.#theme === 'auto' ? dark.matches : this.#theme === 'dark'
    document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  }
}

function told(shown, link) {
  const waiting = link?.waiting > 0 ? words.waiting(link.waiting) : undefined
  if (shown === 'ready') return [words.online, waiting].filter(Boolean).join(' · ')
  if (shown === 'away') return [words.away(clockTime(link.since)), waiting].filter(Boolean).join(' · ')
  if (words.degraded[shown]) return [words.degraded[shown], waiting].filter(Boolean).join(' · ')
  return words.page[shown] ?? ''
}

function hint(shown, link) {
  if (shown === 'away') return words.awaySince(clockTime(link.since))
  if (shown === 'ready' && link) return words.linkSince(clockTime(link.since))
  if (words.degraded[shown]) return words.degradedHint[shown]
  return shown === 'lost' ? words.lostHint : ''
}
