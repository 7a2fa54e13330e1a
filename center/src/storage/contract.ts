import { auditContract } from './contract-audit.js'
import { erasureContract } from './contract-erasure.js'
import { expiryContract } from './contract-expiry.js'
import { indexContract } from './contract-index.js'
import type { PlaceOf } from './contract-place.js'
import { recordContract } from './contract-record.js'
import { refusalContract } from './contract-refusal.js'
import { restartContract } from './contract-restart.js'
import { scanContract } from './contract-scan.js'

export type { OpenedStorage, PlaceOf, StorageGiven, StoragePlace } from './contract-place.js'

/** What every engine of Store and SystemStore must do. `engine` names the tests. */
export function storageContract(engine: string, place: PlaceOf): void {
  refusalContract(engine, place)
  recordContract(engine, place)
  scanContract(engine, place)
  indexContract(engine, place)
  expiryContract(engine, place)
  erasureContract(engine, place)
  auditContract(engine, place)
  restartContract(engine, place)
}
