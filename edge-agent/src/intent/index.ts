export type { ReadBundleFile } from './bundle-model.js'
export {
  type Classification,
  INTENT_SERVICE_DEFAULTS,
  type IntentService,
  type IntentServiceConfig,
  type IntentServiceDeps,
  startIntentService,
} from './intent-service.js'
export { TriedModels } from './tried-models.js'
