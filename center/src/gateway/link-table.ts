import { type EdgeId, YizhanError } from '@yizhan/kernel'

/** One edge's live session. */
export interface LiveLink {
  readonly edgeId: EdgeId
  /** Larger than every earlier one of this edge. */
  readonly generation: number
  readonly protocol: number
  /** Wall time of the Welcome, milliseconds. */
  readonly since: number
  readonly lastHeartbeatAt: number
  /** Turns that wait at the edge for the center, as of the last heartbeat. */
  readonly waitingTurns: number
  /** 16 hex digits: of the journal that the edge said Hello with. */
  readonly journalEpoch: string
  /** As the edge last measured it; 0 = not yet. */
  readonly roundTripUs: number
  /** Asks the edge to finish and to come back after `reconnectAfterMs`. */
  drain(reason: string, deadlineMs: number, reconnectAfterMs: number): void
  /** Ends the link with this error. */
  end(error: YizhanError): void
  /** The desired state of this edge may have changed. */
  refresh(): void
  /** A command waits for this edge. */
  commandsQueued(): void
}

interface Held {
  readonly link: LiveLink
  readonly closers: Set<(error: YizhanError) => void>
}

/** The live links, one per edge. A newer one ends the older, and with a link end the streams that hang on it. */
export class LinkTable {
  readonly #held = new Map<EdgeId, Held>()
  readonly #emptied: (() => void)[] = []

  get(edge: EdgeId): LiveLink | undefined {
    return this.#held.get(edge)?.link
  }

  list(): LiveLink[] {
    return [...this.#held.values()].map((held) => held.link)
  }

  get size(): number {
    return this.#held.size
  }

  /** Makes `link` the edge's live one; throws `conflict` if a newer one came first. */
  open(link: LiveLink): void {
    const older = this.#held.get(link.edgeId)?.link
    if (older && older.generation > link.generation) throw superseded(older.generation)
    if (older) older.end(superseded(link.generation))
    this.#held.set(link.edgeId, { link, closers: new Set() })
  }

  /** Forgets `link` and ends what hangs on it. Another link of the same edge is not touched. */
  close(link: LiveLink, error: YizhanError): void {
    const held = this.#held.get(link.edgeId)
    if (held?.link !== link) return
    this.#held.delete(link.edgeId)
    for (const closer of [...held.closers]) closer(error)
    if (this.#held.size > 0) return
    for (const emptied of this.#emptied.splice(0)) emptied()
  }

  /** Calls `closer` when `link` ends; returns the unsubscribe. */
  onClose(link: LiveLink, closer: (error: YizhanError) => void): () => void {
    const held = this.#held.get(link.edgeId)
    if (held?.link !== link) {
      closer(new YizhanError('failed_precondition', 'the link has ended'))
      return () => undefined
    }
    held.closers.add(closer)
    return () => held.closers.delete(closer)
  }

  /** Resolves as soon as there is no link. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#held.size === 0) resolve()
      else this.#emptied.push(resolve)
    })
  }
}

function superseded(generation: number): YizhanError {
  return new YizhanError('conflict', `a newer link of this edge (generation ${generation}) took its place`, {
    details: { generation },
  })
}
