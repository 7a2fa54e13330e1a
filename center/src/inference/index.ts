export { type EngineSettings, type Engines, openEngines } from './engines.js'
export { createExtractive } from './extractive.js'
export { historyTokensFor, SENT_WHOLE } from './history.js'
export { createPersonas, type PersonaOf, type Personas } from './personas.js'
export { type MemberState, Pool, startPoolUpkeep } from './pool/index.js'
export type {
  Admission,
  AdmissionRequest,
  AskedFile,
  AskedFiles,
  AskedIn,
  Attempt,
  AttemptEnd,
  AttemptSink,
  Backend,
  FileReader,
  GenerateRequest,
  Image,
  Lease,
  Memory,
  Passage,
  Piece,
  Reader,
  RequestBook,
  RequestPriority,
  Retriever,
  ToolCallPart,
} from './port.js'
export {
  createRequestBook,
  REQUEST_BOOK_DEFAULTS,
  type RequestBookConfig,
  type RequestBookDeps,
} from './request-book.js'
export { estimateTokens, firstTokens } from './token-estimate.js'
export { tracedAdmission } from './traced-admission.js'
export { createWriter, type Writer } from './writer.js'
