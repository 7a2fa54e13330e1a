import { checkContract } from './engine-contract-check.js'
import { resealContract } from './engine-contract-reseal.js'
import { rowsContract } from './engine-contract-rows.js'
import { upkeepContract } from './engine-contract-upkeep.js'
import type { EnginePlaceOf } from './engine-place.js'

export type { EnginePlace, EnginePlaceOf, OpenedEngine, RowPlace, Tamper } from './engine-place.js'

/** What every RecordEngine must do besides reading and writing, which `storageContract` holds it to. */
export function engineContract(engine: string, place: EnginePlaceOf): void {
  rowsContract(engine, place)
  upkeepContract(engine, place)
  resealContract(engine, place)
  checkContract(engine, place)
}
