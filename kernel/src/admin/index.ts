export { type AdminCallOptions, type AdminMethod, adminCall } from './call.js'
export {
  type ErrorBody,
  type ErrorReply,
  errorFromReply,
  errorReply,
  httpError,
  useErrorReplies,
} from './error-reply.js'
export { requestIdOf, useRequestIds } from './request-id.js'
export { type AdminServerConfig, startAdminServer } from './server.js'
export { type AdminStream, type AdminStreamOptions, adminStream } from './stream-call.js'
export { validatorCompiler } from './validation.js'
export { wantedSignals } from './waiting.js'
