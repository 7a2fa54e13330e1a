declare module 'qlobber' {
  export interface QlobberOptions {
    readonly separator?: string
    readonly wildcard_one?: string
    readonly wildcard_some?: string
    readonly match_empty_levels?: boolean
  }
  /** A topic trie; `match` gives a value once per filter that matches. Throws on topics of more than 100 levels. */
  export class Qlobber<T> {
    constructor(options?: QlobberOptions)
    add(filter: string, value: T): this
    remove(filter: string, value?: T): this
    match(topic: string): T[]
  }
}
