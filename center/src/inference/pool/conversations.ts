import { createHash } from 'node:crypto'
import type { AdmissionRequest } from '../port.js'
import type { Member } from './member.js'

const MAX_KEPT = 10_000

/** Which member had a conversation last: the latest 10,000, in memory only. */
export class Conversations {
  readonly #members = new Map<string, Member>()
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  member(request: AdmissionRequest): Member | undefined {
    const key = keyOf(request)
    return key === undefined ? undefined : this.#members.get(key)
  }

  remember(request: AdmissionRequest, member: Member): void {
    const key = keyOf(request)
    if (key === undefined) return
    this.#members.delete(key)
    this.#members.set(key, member)
    const [oldest] = this.#members.keys()
    if (this.#members.size > MAX_KEPT && oldest !== undefined) this.#members.delete(oldest)
  }

  /** 0 ≤ n < 1: the same for all requests of a conversation, any for one without. */
  lot(request: AdmissionRequest): number {
    const key = keyOf(request)
    if (key === undefined) return this.#random()
    return createHash('sha1').update(key).digest().readUInt32BE(0) / 2 ** 32
  }
}

function keyOf({ tenant, conversation }: AdmissionRequest): string | undefined {
  return conversation === undefined || conversation === '' ? undefined : `${tenant}\n${conversation}`
}
