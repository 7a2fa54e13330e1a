import { words } from './words.js'

const REFUSED = new Set([2, 4, 5])
const RECONNECT_MS = 2_000
const LEAVES = { out: 1, delta: 0, tickets: 1 }

/**
 * MQTT over this page's own WebSocket. `on` has `state(connecting|ready|lost|signin|denied)`, `info(info)`, and
 * `out|delta|tickets(chat, payload)`. What was published and not acknowledged is published again by mqtt.js after a
 * reconnect.
 */
export function openLink({ clientId, ...login }, on) {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const client = globalThis.mqtt.connect(`${scheme}://${location.host}/mqtt`, {
    clientId,
    reconnectPeriod: RECONNECT_MS,
    keepalive: 30,
    // The other variant starts a worker from a blob, which the page's security policy forbids.
    timerVariant: 'native',
    ...login,
  })
  let person
  let topics = new Map()
  on.state('connecting')
  client.on('connect', () => on.state('ready'))
  client.on('close', () => on.state('lost'))
  client.on('error', (error) => {
    if (!REFUSED.has(error.code)) return
    client.end(true)
    on.state('signin')
  })
  client.on('message', (topic, payload) => {
    const body = parsed(payload)
    if (body === undefined) return
    if (topic === 'yizhan/info') return on.info(body)
    const found = topics.get(topic)
    if (found) on[found.leaf](found.chat, body)
  })
  client.subscribe('yizhan/info', { qos: 1 })
  return {
    /** Listens to these chats of one person, and to no other; pieces and tickets come of `current` only. */
    enter({ tenant, user, chats, current }) {
      person = `yizhan/${tenant}/${user}`
      const next = new Map()
      for (const chat of chats) {
        for (const leaf of Object.keys(LEAVES)) {
          if (leaf === 'out' || chat === current) next.set(`${person}/${chat}/${leaf}`, { chat, leaf })
        }
      }
      const gone = [...topics.keys()].filter((topic) => !next.has(topic))
      const fresh = [...next].filter(([topic]) => !topics.has(topic))
      topics = next
      if (gone.length > 0) client.unsubscribe(gone)
      if (fresh.length === 0) return
      const wanted = fresh.map(([topic, { leaf }]) => [topic, { qos: LEAVES[leaf] }])
      client.subscribe(Object.fromEntries(wanted), (error) => {
        if (error && client.connected) on.state('denied')
      })
    },
    /** `done` is called once the edge has it for certain. */
    publish(chat, payload, done = () => {}) {
      const body = JSON.stringify({ locale: words.lang, ...payload })
      client.publish(`${person}/${chat}/in`, body, { qos: 1 }, (error) => {
        if (!error) done()
      })
    },
    close() {
      client.end(true)
    },
  }
}

function parsed(payload) {
  try {
    return JSON.parse(new TextDecoder().decode(payload))
  } catch {
    return undefined
  }
}
