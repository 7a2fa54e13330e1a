const KEY = 'yizhan.chat'
const MAX_ENTRIES = 200

/** A random name; `crypto.randomUUID` is missing on pages without TLS, which branch networks have. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function read(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? fallback
  } catch {
    return fallback
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value))
  } catch {
    // Full or forbidden: the page works on, a reload then starts empty.
  }
}

/** Who this browser is where nobody logs in; made once and kept. */
export function visitor() {
  const known = read(`${KEY}.visitor`, undefined)
  if (typeof known === 'string') return known
  const made = `web-${randomId().slice(0, 12)}`
  write(`${KEY}.visitor`, made)
  return made
}

export function lastTenant() {
  return read(`${KEY}.tenant`, undefined)
}

export function rememberTenant(tenant) {
  write(`${KEY}.tenant`, tenant)
}

/**
 * The lines of one chat, kept in this browser. Entries have an `id` and are there once: a question until it is
 * acknowledged has `state: 'sending'` and is sent again under the same id, a reply that comes twice changes nothing.
 */
export class History {
  constructor(tenant, user, chat) {
    this.key = `${KEY}.${tenant}.${user}.${chat}`
    this.reload()
  }

  reload() {
    const entries = read(this.key, [])
    this.entries = Array.isArray(entries) ? entries : []
  }

  has(id) {
    return this.entries.some((entry) => entry.id === id)
  }

  /** False if it is there already. */
  add(entry) {
    this.reload()
    if (this.has(entry.id)) return false
    this.entries = [...this.entries, entry].slice(-MAX_ENTRIES)
    write(this.key, this.entries)
    return true
  }

  change(id, fields) {
    this.reload()
    this.entries = this.entries.map((entry) => (entry.id === id ? { ...entry, ...fields } : entry))
    write(this.key, this.entries)
  }

  unsent() {
    return this.entries.filter((entry) => entry.kind === 'question' && entry.state === 'sending')
  }

  /** Calls back when another tab has changed this chat. */
  onElsewhere(fn) {
    const listener = (event) => {
      if (event.key !== this.key) return
      this.reload()
      fn()
    }
    addEventListener('storage', listener)
    return () => removeEventListener('storage', listener)
  }
}
