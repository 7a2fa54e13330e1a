export { claimSocket, probeSocket, type SocketClaim } from './claim.js'
export { adminSocketPath, prepareSocketDirectory, shortSocketPath } from './path.js'
