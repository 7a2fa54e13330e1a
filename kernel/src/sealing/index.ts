export { plainSealer } from './plain.js'
export { type Opener, openAny, type SealContext, type Sealer, type SealItem, sealAll } from './sealer.js'
