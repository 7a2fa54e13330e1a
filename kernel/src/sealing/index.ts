export { createSealer, type SealerOptions } from './keyed-sealer.js'
export type { DataKey, ErasedKey, Keyring } from './keyring.js'
export { PLAIN_FORMAT, plainSealer } from './plain.js'
export type { SealAlgorithmName } from './seal-algorithm.js'
export { type SealOffload, startSealOffload } from './seal-offload.js'
export { type GrowingFile, type SealedFiles, sealedFiles } from './sealed-files.js'
export {
  type Opened,
  type Opener,
  openOne,
  type SealContext,
  type SealedItem,
  type Sealer,
  type SealItem,
  sealOne,
} from './sealer.js'
