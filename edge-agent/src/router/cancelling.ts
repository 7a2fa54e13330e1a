import { toYizhanError, YizhanError } from '@yizhan/kernel'
import { MessageKind } from '@yizhan/proto'
import type { Lanes } from '../intake/index.js'
import { type EdgeLedger, isTerminal, type Turn, type WhoseAccount } from '../ledger/index.js'
import type { ConsentDesk } from './consent-desk.js'
import { isSameAsker } from './conversation-memory.js'
import type { CancelCause, Endings } from './endings.js'
import type { Forwarder } from './forward/index.js'

export interface CancellingDeps {
  readonly ledger: Pick<EdgeLedger, 'get' | 'open' | 'onChange'>
  readonly endings: Endings
  readonly lanes: Pick<Lanes, 'cancel'>
  readonly forwarder: Pick<Forwarder, 'cancel' | 'drop'>
  readonly consent: Pick<ConsentDesk, 'cancel' | 'letGo'> | undefined
  /** Turns that do not wait in their lane. */
  readonly bypasses: (turn: Turn) => boolean
}

/** Takes back turns that run or wait, wherever they are. */
export class Cancelling {
  readonly #deps: CancellingDeps

  constructor(deps: CancellingDeps) {
    this.#deps = deps
  }

  /** False if the turn has ended, or its end is decided. */
  async cancel(turn: Turn, cause: CancelCause): Promise<boolean> {
    const { consent, endings, forwarder } = this.#deps
    if (turn.final || isTerminal(turn.state)) return false
    if (await forwarder.cancel(turn.id, cause)) return true
    if (await consent?.cancel(turn, cause)) return true
    const found = this.#takeFromLane(turn, cause)
    if (found === 'queued') await endings.cancelled(turn, cause)
    return found !== 'absent'
  }

  /** Everything that the asker of `turn` has running or waiting in its conversation; how many. */
  async cancelEarlier(turn: Turn): Promise<number> {
    const earlier = this.#deps.ledger
      .open()
      .filter((other) => other.receivedSeq < turn.receivedSeq && isSameAsker(turn, other))
      .filter((other) => other.message.kind !== MessageKind.EVENT && !this.#deps.bypasses(other))
    const cancelled = await Promise.all(earlier.map((other) => this.cancel(other, 'command')))
    return cancelled.filter(Boolean).length
  }

  /** Ends the open turns of these persons silently; how many. Resolves when that is recorded. */
  async endOf(whose: WhoseAccount): Promise<number> {
    const { ledger } = this.#deps
    const isTheirs = ({ message }: Turn) =>
      whose(message.tenantId, message.channelId, message.sender?.id ?? '')
    const open = ledger.open().filter(isTheirs)
    // The last first: a lane that becomes free must not start the next of them.
    for (const { id } of open.reverse()) {
      const turn = ledger.get(id)
      if (turn) await this.#endErased(turn)
    }
    return open.length
  }

  /** Stops what is done with a turn whose fate somebody else has recorded. */
  async drop(turn: Turn): Promise<void> {
    const { consent, forwarder } = this.#deps
    this.#takeFromLane(turn, 'overtaken')
    await forwarder.drop(turn.id)
    await consent?.letGo(turn)
  }

  #takeFromLane(turn: Turn, cause: CancelCause | 'overtaken'): 'queued' | 'running' | 'absent' {
    const reason = new YizhanError('cancelled', 'the turn was cancelled', { details: { cause } })
    return this.#deps.lanes.cancel(turn, reason)
  }

  async #endErased(turn: Turn): Promise<void> {
    const { endings } = this.#deps
    if (isTerminal(turn.state)) return
    try {
      // Its reply still waits for somebody: nobody is told any more.
      if (turn.final) await endings.advance(turn, 'abandoned', 'erased')
      else if (!(await this.cancel(turn, 'erased'))) await endings.cancelled(turn, 'erased')
    } catch (thrown) {
      // Delivered in this moment.
      if (toYizhanError(thrown).code !== 'conflict') throw thrown
    }
    await this.#ended(turn.id)
  }

  /** Resolves when a turn that was cancelled has ended. */
  #ended(turnId: string): Promise<void> {
    const { ledger } = this.#deps
    return new Promise((resolve) => {
      const look = () => {
        const turn = ledger.get(turnId)
        if (turn && !isTerminal(turn.state)) return
        off()
        resolve()
      }
      const off = ledger.onChange(look)
      look()
    })
  }
}
