import { dropLines, Lines, replyEntry } from './lines.js'
import { drop, keysOf, randomId, read, tabRead, tabWrite, write } from './storage.js'

const MAX_CHATS = 12
const MAX_TITLE = 60

/**
 * The chats of one person with one tenant that this browser knows, the last used first. Each has a name of its own, so
 * that another device of the same person is another chat.
 */
export class Chats {
  #prefix
  #tabKey

  constructor(tenant, user) {
    this.tenant = tenant
    this.user = user
    this.#prefix = `chat/${tenant}/${user}/`
    this.#tabKey = `chat/${tenant}/${user}`
  }

  /** `{id, title, at, unread}` each. */
  get all() {
    return keysOf(this.#prefix)
      .map(read)
      .filter((chat) => typeof chat?.id === 'string')
      .sort((a, b) => b.at - a.at)
  }

  /** Where this tab was, else where the person was last, else a new one. */
  current() {
    const known = this.all
    const here = tabRead(this.#tabKey)
    return known.find(({ id }) => id === here)?.id ?? known[0]?.id ?? this.begin()
  }

  /** A chat that nothing was said in is new enough. */
  begin() {
    const empty = this.all.find(({ title }) => title === '')
    const id = empty?.id ?? `c-${randomId().slice(0, 12)}`
    this.#keep({ id, title: '', at: Date.now(), unread: false })
    for (const { id: old } of this.all.slice(MAX_CHATS)) {
      drop(this.#prefix + old)
      dropLines(this.address(old))
    }
    this.enter(id)
    return id
  }

  enter(id) {
    tabWrite(this.#tabKey, id)
    const chat = read(this.#prefix + id)
    if (chat?.unread) this.#keep({ ...chat, unread: false })
  }

  address(chat) {
    return { tenant: this.tenant, user: this.user, chat }
  }

  /** Something was said in it; the first words are its title. */
  said(id, text) {
    const chat = read(this.#prefix + id) ?? { id, title: '', unread: false }
    const title = chat.title || text.trim().replace(/\s+/g, ' ').slice(0, MAX_TITLE)
    this.#keep({ ...chat, title, at: Date.now() })
  }

  /** Something came in a chat that is not on the screen. */
  keepReply(id, payload) {
    if (!new Lines(this.address(id)).add(replyEntry(payload))) return
    const chat = read(this.#prefix + id)
    if (chat) this.#keep({ ...chat, unread: true })
  }

  #keep(chat) {
    write(this.#prefix + chat.id, chat)
  }
}
