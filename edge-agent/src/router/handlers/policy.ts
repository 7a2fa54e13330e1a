import type { Ledger } from '../../ledger/index.js'
import type { Endings } from '../endings.js'
import type { RouterPolicy } from '../port.js'
import type { RouterHandler } from '../visit.js'

/** First of all: may this be answered at all now? */
export function policyHandler(
  { endings, ledger }: { readonly endings: Endings; readonly ledger: Pick<Ledger, 'blank'> },
  policy: () => RouterPolicy,
): RouterHandler {
  return {
    name: 'policy',
    async handle(visit, next) {
      const { maintenance, maxTextChars, leaseOver = false } = policy()
      if (leaseOver) {
        await ledger.blank([visit.turn.id])
        return endings.refused(visit.turn, 'lease-over')
      }
      if (maintenance) return endings.refused(visit.turn, 'maintenance')
      if (maxTextChars > 0 && [...visit.turn.message.text].length > maxTextChars) {
        return endings.refused(visit.turn, 'too-long', maxTextChars)
      }
      return next(visit)
    },
  }
}
