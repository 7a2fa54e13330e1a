import type { Logger } from '@yizhan/kernel'
import type { PrivacySource } from '../privacy/index.js'
import type { ModelDesk } from './model-desk.js'

const BY = { actor: 'privacy' }

/** Models that learnt from a person's questions go with them, and the one in force is trained anew. */
export function modelsSource(deps: {
  readonly models: Pick<ModelDesk, 'forget'>
  readonly log: Logger
}): PrivacySource {
  const { models, log } = deps
  return {
    dataClass: 'models',
    async *collect() {
      // A model holds no words of anybody.
    },
    async erase(tenant, subject, signal) {
      try {
        return { erased: await models.forget(tenant, subject, BY, signal) }
      } catch (thrown) {
        signal.throwIfAborted()
        log.error(
          { err: thrown, tenant, subject },
          'a model that learnt from an erased person is still in force',
        )
        return {
          erased: 0,
          pending: { why: 'a model that learnt from the person is yet to be trained anew' },
        }
      }
    },
  }
}
