import { extractiveKind } from './extractive/index.js'
import { llamaCppKind } from './llama-cpp/index.js'
import { onnxKind } from './onnx/index.js'
import { openAiKind } from './openai/index.js'
import { tritonKind } from './triton/index.js'

export type { Backend, Embedder, EngineLoad, GenerateRequest, Passage, Piece, Reranker } from '../port.js'
export type { BackendKind, KindParts, OpenBackend } from './kind.js'

/** Every kind of backend, by the name that the settings give it. */
export const BACKEND_KINDS = {
  openai: openAiKind,
  triton: tritonKind,
  'llama-cpp': llamaCppKind,
  onnx: onnxKind,
  extractive: extractiveKind,
}
