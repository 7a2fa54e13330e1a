import type { Clock } from '../clock.js'
import type { Logger } from '../log.js'
import type { KekProvider } from './kek-provider.js'
import type { KeyIndex } from './key-index.js'
import type { KeyVault } from './key-vault.js'
import type { SlotFile } from './slot-file.js'

/** What the parts of a key store do their work on. */
export interface KeyParts {
  readonly kek: KekProvider
  readonly file: SlotFile
  readonly index: KeyIndex
  readonly vault: KeyVault
  readonly clock: Clock
  readonly log: Logger
  readonly storeId: string
  /** Epoch under which the header's secret is. */
  headerEpoch: number
}
