export { type Identity, parseIdentity } from './identity.js'
