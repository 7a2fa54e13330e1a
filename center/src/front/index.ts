export { type ApiKey, type ApiKeys, type KeyActor, type NewApiKey, openApiKeys } from './api-keys.js'
export { type Front, type FrontDeps, startFront } from './server.js'
