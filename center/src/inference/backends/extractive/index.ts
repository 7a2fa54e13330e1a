import { YizhanError } from '@yizhan/kernel'
import { createExtractive } from '../../extractive.js'
import type { BackendKind } from '../kind.js'
import { ExtractiveSettings } from './settings.js'

export { ExtractiveSettings } from './settings.js'

/** Quotes the tenant's documents; needs no model. */
export const extractiveKind: BackendKind<ExtractiveSettings> = {
  settings: ExtractiveSettings,
  async open({ clock, terms }, name, settings) {
    if (!terms) throw new YizhanError('config_invalid', 'without documents nothing can be quoted')
    return {
      backend: createExtractive({ clock, terms }, { ...settings, name }),
      close: async () => undefined,
    }
  },
}
