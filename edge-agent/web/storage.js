const KEY = 'yizhan'

/** A random name; `crypto.randomUUID` is missing on pages without TLS, which branch networks have. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function read(key) {
  try {
    return JSON.parse(localStorage.getItem(`${KEY}.${key}`)) ?? undefined
  } catch {
    return undefined
  }
}

/** False if the browser keeps nothing (full, forbidden): the page works on, a reload then starts with less. */
export function write(key, value) {
  try {
    localStorage.setItem(`${KEY}.${key}`, JSON.stringify(value))
    return true
  } catch {
    return false
  }
}

export function drop(key) {
  try {
    localStorage.removeItem(`${KEY}.${key}`)
  } catch {
    // Nothing was kept either.
  }
}

/** The keys that begin with `prefix`. */
export function keysOf(prefix) {
  try {
    const whole = `${KEY}.${prefix}`
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(whole))
      .map((key) => key.slice(KEY.length + 1))
  } catch {
    return []
  }
}

/** Calls back with each key that another tab has written or dropped. Returns the unsubscribe. */
export function onElsewhere(fn) {
  const listener = ({ key, storageArea }) => {
    if (storageArea === localStorage && key?.startsWith(`${KEY}.`)) fn(key.slice(KEY.length + 1))
  }
  addEventListener('storage', listener)
  return () => removeEventListener('storage', listener)
}

/** What only this tab keeps, across reloads. */
export function tabRead(key) {
  try {
    return sessionStorage.getItem(`${KEY}.${key}`) ?? undefined
  } catch {
    return undefined
  }
}

export function tabWrite(key, value) {
  try {
    sessionStorage.setItem(`${KEY}.${key}`, value)
  } catch {
    // As with `write`.
  }
}

function made(key, make) {
  const known = read(key)
  if (typeof known === 'string') return known
  const fresh = make()
  write(key, fresh)
  return fresh
}

/** Who this browser is where nobody logs in; made once and kept. */
export const visitor = () => made('visitor', () => `web-${randomId().slice(0, 12)}`)

/** This browser, whoever uses it: in front of its client ids. */
export const browserName = () => made('browser', () => randomId().slice(0, 12))

export const preference = (name) => read(`preference.${name}`)
export const setPreference = (name, value) => write(`preference.${name}`, value)
