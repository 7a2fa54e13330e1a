import { YizhanError } from '@yizhan/kernel'
import { OLDEST_PROTOCOL, PROTOCOL } from '@yizhan/proto'

/** The range of protocol integers that one side speaks. */
export interface Spoken {
  readonly protocol: number
  readonly oldestProtocol: number
}

const OURS: Spoken = { protocol: PROTOCOL, oldestProtocol: OLDEST_PROTOCOL }

/** The highest protocol that both speak, or the refusal: `invalid_argument` for nonsense, `version_skew` for a gap. */
export function negotiateProtocol(theirs: Spoken, ours: Spoken = OURS): number | YizhanError {
  const { protocol, oldestProtocol } = theirs
  if (protocol < 1 || oldestProtocol < 1 || oldestProtocol > protocol) {
    return new YizhanError('invalid_argument', 'protocol and oldest_protocol are not a range from 1')
  }
  const best = Math.min(protocol, ours.protocol)
  if (best >= Math.max(oldestProtocol, ours.oldestProtocol)) return best
  const side = protocol < ours.oldestProtocol ? 'edge' : 'center'
  return new YizhanError(
    'version_skew',
    `the edge speaks protocols ${oldestProtocol} to ${protocol}, the center ${ours.oldestProtocol} to ` +
      `${ours.protocol}: upgrade the ${side}`,
    { details: { protocol, oldestProtocol } },
  )
}
