import { type Static, Type } from '@sinclair/typebox'
import { YizhanError } from '@yizhan/kernel'
import { createExtractive } from '../../extractive.js'
import type { BackendKind } from '../kind.js'

/** Settings of a backend of kind `extractive`. */
export const ExtractiveSettings = Type.Object(
  {
    /** Pause between the pieces of a quoted answer, so that a person can read along. 0 = none. */
    paceMs: Type.Integer({ minimum: 0, default: 0, restart: true }),
  },
  { additionalProperties: false },
)
export type ExtractiveSettings = Static<typeof ExtractiveSettings>

/** Quotes the tenant's documents; needs no model. */
export const extractiveKind: BackendKind<ExtractiveSettings> = {
  settings: ExtractiveSettings,
  async open({ clock, terms }, _name, settings) {
    if (!terms) throw new YizhanError('config_invalid', 'without documents nothing can be quoted')
    return { backend: createExtractive({ clock, terms }, settings), close: async () => undefined }
  },
}
