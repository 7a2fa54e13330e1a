import { type ChatAddress, INFO_TOPIC, isChatName, parseInTopic } from './topics.js'

/** Who a connection is. In open mode nobody proves anything, so that all are one. */
export type Identity =
  | { readonly mode: 'open' }
  | { readonly mode: 'password'; readonly tenant: string; readonly user: string }

/** One text per identity; what a client id is bound to. */
export function identityKey(identity: Identity): string {
  return identity.mode === 'open' ? 'open' : `${identity.tenant}/${identity.user}`
}

export type PublishRuling =
  | { readonly ruling: 'accept'; readonly address: ChatAddress }
  /** The client's own tenant, but no name that a conversation can have: answered on the topic's `out`. */
  | { readonly ruling: 'refuse'; readonly outTopic: string }
  /** MQTT 3.1.1 cannot say no to a publish [MQTT-3.3.5-2]: the connection is closed, nothing is acknowledged. */
  | { readonly ruling: 'close'; readonly reason: string }

const MAX_REFUSED_TOPIC = 256
const UNPRINTABLE = /[\p{Control}\p{Surrogate}\uFFFD]/u

/** Whether and where `identity` may publish: only on its own `…/in`. */
export function rulePublish(identity: Identity, topic: string, served: ReadonlySet<string>): PublishRuling {
  const address = parseInTopic(topic)
  if (!address) return { ruling: 'close', reason: 'published outside its in-topics' }
  if (!mayUse(identity, address.tenant, served)) {
    return { ruling: 'close', reason: 'published to a tenant that is not its own' }
  }
  if (identity.mode === 'password' && address.user !== identity.user) {
    return { ruling: 'close', reason: 'published as another user' }
  }
  if (isChatName(address.user) && isChatName(address.chat)) return { ruling: 'accept', address }
  if (topic.length > MAX_REFUSED_TOPIC || UNPRINTABLE.test(topic)) {
    return { ruling: 'close', reason: 'published to a topic that cannot be answered on' }
  }
  return { ruling: 'refuse', outTopic: `${topic.slice(0, -'in'.length)}out` }
}

/** Whether `identity` may subscribe to `filter`: `yizhan/info`, or anything inside its own prefix. */
export function maySubscribe(identity: Identity, filter: string, served: ReadonlySet<string>): boolean {
  if (filter === INFO_TOPIC) return true
  const [root, tenant, user, next] = filter.split('/')
  if (root !== 'yizhan' || tenant === undefined || user === undefined) return false
  if (!mayUse(identity, tenant, served)) return false
  if (identity.mode === 'open') return true
  return user === identity.user && next !== undefined
}

function mayUse(identity: Identity, tenant: string, served: ReadonlySet<string>): boolean {
  return identity.mode === 'open' ? served.has(tenant) : tenant === identity.tenant
}
