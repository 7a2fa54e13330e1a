/** What a load client saw, in the order in which it saw it: what the checker judges. */
export interface Asked {
  readonly k: 'asked'
  /** The client's id of the message. */
  readonly id: string
  readonly conversation: string
}

export interface Acked {
  readonly k: 'acked'
  readonly id: string
}

export interface Shown {
  readonly k: 'shown'
  readonly type: 'notice' | 'final' | 'refused'
  /** Of the reply; the same each time it is delivered. Empty for a refusal. */
  readonly replyId: string
  /** Id of the message. */
  readonly id: string
  readonly text: string
  readonly finish?: string
  /** What the text must be, where that is known. */
  readonly expected?: string
}

export type Seen = Asked | Acked | Shown
export type LoadLog = readonly Seen[]
