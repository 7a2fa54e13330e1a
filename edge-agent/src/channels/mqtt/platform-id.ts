import { newId } from '@yizhan/kernel'
import type { ChatAddress } from './topics.js'

/** Ids made here start with it; a client's may not, so that the two are never mixed up. */
const MADE_HERE = '~'
const MAX_LENGTH = 128
const UNFIT = /[\p{Control}\p{Surrogate}]/u

/** Why a client's message id cannot be used, or undefined if it can. */
export function idProblem(id: string): string | undefined {
  if (id.length === 0 || id.length > MAX_LENGTH) return `must have 1 to ${MAX_LENGTH} characters`
  if (id.startsWith(MADE_HERE)) return `must not start with "${MADE_HERE}"`
  if (UNFIT.test(id)) return 'must not hold control characters or half characters'
  return undefined
}

/** The key of de-duplication inside tenant and channel. Without a client's id every delivery is a new message. */
export function platformId(address: ChatAddress, id: string | undefined, wallMs: number): string {
  return `${address.user}/${address.chat}/${id ?? MADE_HERE + newId('m', wallMs)}`
}

/** The client's own id in a platform id, or undefined if the id was made here. */
export function clientMessageId(platform: string): string | undefined {
  const id = platform.split('/').slice(2).join('/')
  return id === '' || id.startsWith(MADE_HERE) ? undefined : id
}
