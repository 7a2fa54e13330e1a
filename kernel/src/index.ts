export {
  type AdminCallOptions,
  type AdminMethod,
  type AdminServerConfig,
  type AdminStream,
  type AdminStreamOptions,
  adminCall,
  adminStream,
  type ErrorBody,
  type ErrorReply,
  errorFromReply,
  errorReply,
  httpError,
  requestIdOf,
  startAdminServer,
  useErrorReplies,
  useRequestIds,
  validatorCompiler,
  wantedSignals,
} from './admin/index.js'
export { exists, readFileIfExists, syncDirectory, type WriteOptions, writeFileAtomic } from './atomic-file.js'
export { Backoff, type BackoffConfig } from './backoff.js'
export {
  type Check,
  type CliIo,
  type CliLanguage,
  type CliOptions,
  type CliStream,
  type CliText,
  type ConfigCommandsOptions,
  configCommands,
  type FlagPaths,
  flagSettings,
  oneLine,
  type ProgramHost,
  type ProgramOptions,
  programSources,
  reportError,
  runChecks,
  runCli,
  runProgram,
  type Served,
  serveProgram,
  stateDirChecks,
} from './cli/index.js'
export { type Clock, ManualClock, systemClock } from './clock.js'
export { COMPILED_ONCE } from './compiled-once.js'
export {
  type ConfigChange,
  type ConfigCheck,
  type ConfigCompiler,
  type ConfigEntry,
  type ConfigField,
  type ConfigOrigin,
  type ConfigProblem,
  type ConfigSources,
  compileConfig,
  configInvalid,
  findConfigFile,
  type LastKnownGood,
  type LoadedConfig,
  lastKnownGood,
  loadConfig,
  type Reload,
  reloadConfig,
} from './config/index.js'
export { deadlineSignal } from './deadline.js'
export { type DiskFile, type OpenDiskFile, readAt, syncData, writeAt } from './disk-file.js'
export { ERROR_MEANING } from './error-meaning.js'
export {
  ERROR_TABLE,
  type ErrorCode,
  type ErrorOptions,
  type ErrorTraits,
  isErrorCode,
  toYizhanError,
  YizhanError,
} from './errors.js'
export { hostPort, isLoopback, type ListenOptions, listenHttp } from './http-listener.js'
export { type Identity, parseIdentity } from './identity/index.js'
export { asEdgeId, asTenantId, type EdgeId, isName, newEpoch, newId, type TenantId } from './ids.js'
export { canonicalJson, isForbiddenKey, parseJson, sha256Hex } from './json.js'
export {
  type CommandKekConfig,
  commandKek,
  credentialKek,
  type Damage,
  type Destroyed,
  type Erasure,
  envKek,
  fileKek,
  importKeys,
  KekConfig,
  type KekProvider,
  type KekRotation,
  type KeyStatus,
  type KeyStore,
  type KeyStoreConfig,
  type KeyStoreDeps,
  keyStoreIsEmpty,
  openKek,
  openKeyStore,
  type Wrapped,
} from './keys/index.js'
export { Lifecycle, type Running, type Started, type StopReport, startWithUndo } from './lifecycle.js'
export { adminSocketPath, shortSocketPath } from './local-socket/index.js'
export { createLogger, type Logger, type LoggerOptions, type LogLevelName, silentLogger } from './log.js'
export { createMetrics, type Metrics, type MetricsOptions } from './metrics.js'
export { createOutbound, type Outbound, type OutboundOptions } from './outbound.js'
export { RecentMap } from './recent-map.js'
export {
  createSealer,
  type DataKey,
  type ErasedKey,
  type GrowingFile,
  type Keyring,
  type Opened,
  type Opener,
  openOne,
  PLAIN_FORMAT,
  plainSealer,
  type SealAlgorithmName,
  type SealContext,
  type SealedFiles,
  type SealedItem,
  type Sealer,
  type SealerOptions,
  type SealItem,
  type SealOffload,
  sealedFiles,
  sealOne,
  startSealOffload,
} from './sealing/index.js'
export { openStateDir, type StateDir } from './state-dir.js'
export { storageError, systemCode } from './storage-error.js'
export { outboundTls, requireTls13 } from './tls.js'
export {
  noTracing,
  startTracing,
  type TelemetryConfig,
  type TraceAttributes,
  type TraceSpan,
  type Tracing,
  telemetryConfigSchema,
} from './tracing.js'
