export const INFO_TOPIC = 'yizhan/info'

/** What a user or chat may be called: 1–64 of these, nothing is percent-encoded. */
const NAME = /^[A-Za-z0-9_.@-]{1,64}$/

export function isChatName(value: string): boolean {
  return NAME.test(value)
}

export interface ChatAddress {
  readonly tenant: string
  readonly user: string
  readonly chat: string
}

export type ChatLeaf = 'in' | 'out' | 'delta' | 'tickets'

export function chatTopic(address: ChatAddress, leaf: ChatLeaf): string {
  return `yizhan/${address.tenant}/${address.user}/${address.chat}/${leaf}`
}

export function conversationOf(address: ChatAddress): string {
  return `${address.tenant}/mqtt/${address.user}/${address.chat}`
}

/** The chat of a conversation id that `conversationOf` made, or undefined. */
export function chatOf(conversation: string): ChatAddress | undefined {
  const [tenant, channel, user, chat, ...rest] = conversation.split('/')
  if (!tenant || channel !== 'mqtt' || !user || !chat || rest.length > 0) return undefined
  return { tenant, user, chat }
}

/** The five levels of `yizhan/{tenant}/{user}/{chat}/in`, names unchecked; undefined for any other topic. */
export function parseInTopic(topic: string): ChatAddress | undefined {
  const [root, tenant, user, chat, leaf, ...rest] = topic.split('/')
  if (root !== 'yizhan' || leaf !== 'in' || rest.length > 0) return undefined
  if (tenant === undefined || user === undefined || chat === undefined) return undefined
  return { tenant, user, chat }
}
