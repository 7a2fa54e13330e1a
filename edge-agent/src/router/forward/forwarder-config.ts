export interface ForwarderConfig {
  /** How long a turn may stand still without the link before its asker gets a ticket. */
  readonly ticketAfterMs: number
  /** How long a turn waits for the center before it ends as expired. */
  readonly waitingTtlMs: number
  /** Turns that may wait for the center. Of each bound, tasks may fill 75 %, batches 50 %. */
  readonly maxWaiting: number
  readonly maxWaitingPerTenant: number
  /** About how many bytes of messages may. */
  readonly maxWaitingBytes: number
  /** Turns handed to the uplink at once. Default: twice as many as the center takes of this edge, so that some are ready. */
  readonly maxSubmitted?: number
  /**
   * Before a request that the center has no room for is presented again: between half and whole of `retryBaseMs` × 2ⁿ, at
   * most a minute, or as long as the center says. Default 2,000.
   */
  readonly retryBaseMs?: number
}
