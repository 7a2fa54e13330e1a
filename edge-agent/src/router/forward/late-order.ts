/** A place among the late finals of a conversation. */
export interface LatePlace {
  /** Resolves when everything that was asked before has left. */
  turnToSpeak(): Promise<void>
  /** Makes room for the next, also without having spoken. Idempotent. */
  leave(): void
}

interface Member {
  readonly seq: number
  wake: (() => void) | undefined
}

/** Lets the late finals of one conversation out in the order in which their questions came. */
export class LateOrder {
  readonly #conversations = new Map<string, Member[]>()

  join(conversation: string, seq: number): LatePlace {
    const members = this.#conversations.get(conversation) ?? []
    this.#conversations.set(conversation, members)
    const member: Member = { seq, wake: undefined }
    const behind = members.findIndex((other) => other.seq > seq)
    members.splice(behind < 0 ? members.length : behind, 0, member)
    return {
      turnToSpeak: () =>
        new Promise((resolve) => {
          if (members[0] === member || !members.includes(member)) return resolve()
          member.wake = resolve
        }),
      leave: () => {
        const at = members.indexOf(member)
        if (at < 0) return
        members.splice(at, 1)
        member.wake?.()
        members[0]?.wake?.()
        if (members.length === 0) this.#conversations.delete(conversation)
      },
    }
  }

  /** Conversations with somebody in line. */
  get size(): number {
    return this.#conversations.size
  }
}
