export { AskedFileReader } from './asked-files.js'
export { type Ask, type AskedAnswer, type AskOptions, createAsk } from './desk.js'
export {
  type GivenSource,
  type ImportedSource,
  LIBRARY_LIMITS,
  type Library,
  openLibrary,
} from './library.js'
export { createPageFetcher, type PageFetcher } from './page-fetcher.js'
export { sourceKind } from './read-source.js'
export type { StoredSource } from './source-collection.js'
