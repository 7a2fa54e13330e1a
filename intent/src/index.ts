import './no-telemetry.js'

export {
  BUNDLE_LIMITS,
  buildManifest,
  MANIFEST_FILE,
  type Manifest,
  type ManifestEntry,
  type ManifestInput,
  parseManifest,
  SIGNATURE_FILE,
  signManifest,
  verifyFile,
  verifyFiles,
  verifyManifest,
} from './bundle.js'
export {
  CAGE_DEFAULTS,
  type Cage,
  type CageConfig,
  type CagedRun,
  limitedCommand,
  openCage,
} from './cage/index.js'
export { CARD_FILE, encodeModel, MODEL_FILE, type ModelCard, parseModelCard } from './card.js'
export { type Classifier, classifierOf } from './classifier.js'
export { type Encoded, IntentCodec, type TextCodec } from './codec.js'
export { type Decision, OOS, type ScoredIntent } from './decide.js'
export { checkEncoderFiles } from './encoder/check-encoder.js'
export {
  type EncoderCard,
  EncoderSettings,
  encodeEncoder,
  HEAD_FILE,
  TOKENIZER_FILE,
} from './encoder/encoder-card.js'
export { type EncoderFiles, type TrainedEncoder, trainEncoderHead } from './encoder/train-encoder.js'
export { type Evaluation, evaluate, type IntentFigures, type LabelledText } from './evaluator.js'
export {
  createFeaturizer,
  DEFAULT_FEATURIZER,
  type Features,
  type Featurizer,
  FeaturizerConfig,
  featurizerId,
} from './featurizer.js'
export { type CheckedModel, checkModel, IntentModel } from './intent-model.js'
export { areaUnderCurve, type MeasuredFigures, measure } from './measure.js'
export {
  isMessageKey,
  MESSAGES,
  type MessageKey,
  type MessageProblem,
  messageProblem,
  placeholdersOf,
} from './messages.js'
export type { HeldOutJudgement, QuantisedNetwork, TrainedModel, TrainingMetrics } from './model.js'
export type { Network, NetworkInput, NetworkKind } from './network.js'
export { exactKey, normalise } from './normalise.js'
export type { OnnxModel } from './onnx/graph.js'
export { writeOnnx } from './onnx/hashed-graph.js'
export { DEFAULT_ONNX_LIMITS, inspectOnnx, type OnnxLimits } from './onnx/inspect.js'
export { runtimeVersion } from './runtime-version.js'
export {
  chooseSamples,
  encodeSamples,
  type ModelSample,
  parseSamples,
  SAMPLES_FILE,
  withoutExact,
} from './samples.js'
export { CagedClassifier } from './serving/caged-classifier.js'
export { MODEL_FILES, type ServableModel, servableHashed, servableModel } from './serving/servable-model.js'
export {
  Card,
  CardButton,
  Handoff,
  IntentReply,
  LanguageMap,
  LegalBasis,
  Privacy,
  Purpose,
  parseTenantFile,
  Slot,
  TENANT_FILE,
  TenantFile,
} from './tenant-file.js'
export { DEFAULT_OPERATING_POINT, OperatingPoint, type Threshold, type Thresholds } from './thresholds.js'
export {
  type TrainingInput,
  type TrainingOptions,
  type TrainingProgress,
  trainIntentModel,
} from './trainer.js'
export { trainInWorker } from './training-thread.js'
