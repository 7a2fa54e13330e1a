import { randomId } from './history.js'

const REFUSED = new Set([2, 4, 5])
const RECONNECT_MS = 2_000

/**
 * MQTT over this page's own WebSocket. `on` has `state(connecting|ready|lost|signin|denied)`, `info`, `out`, `delta`.
 * What was published and not acknowledged is published again by mqtt.js after a reconnect.
 */
export function openLink(login, on) {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const client = globalThis.mqtt.connect(`${scheme}://${location.host}/mqtt`, {
    clientId: `page-${randomId()}`,
    reconnectPeriod: RECONNECT_MS,
    keepalive: 30,
    // The other variant starts a worker from a blob, which the page's security policy forbids.
    timerVariant: 'native',
    ...login,
  })
  let prefix
  on.state('connecting')
  client.on('connect', () => on.state('ready'))
  client.on('close', () => on.state('lost'))
  client.on('error', (error) => {
    if (!REFUSED.has(error.code)) return
    client.end(true)
    on.state('signin')
  })
  client.on('message', (topic, payload) => {
    let body
    try {
      body = JSON.parse(new TextDecoder().decode(payload))
    } catch {
      return
    }
    if (topic === 'yizhan/info') on.info(body)
    if (topic === `${prefix}/out`) on.out(body)
    if (topic === `${prefix}/delta`) on.delta(body)
  })
  client.subscribe('yizhan/info', { qos: 1 })
  return {
    /** Listens to one chat, and no other. */
    enter(tenant, user, chat) {
      const next = `yizhan/${tenant}/${user}/${chat}`
      if (next === prefix) return
      if (prefix) client.unsubscribe([`${prefix}/out`, `${prefix}/delta`])
      prefix = next
      client.subscribe({ [`${prefix}/out`]: { qos: 1 }, [`${prefix}/delta`]: { qos: 0 } }, (error) => {
        if (error) on.state('denied')
      })
    },
    /** `done` is called once the edge has it for certain. */
    ask(id, text, done) {
      client.publish(
        `${prefix}/in`,
        JSON.stringify({ id, text, locale: navigator.language }),
        { qos: 1 },
        (error) => {
          if (!error) done()
        },
      )
    },
    close() {
      client.end(true)
    },
  }
}
