export { MEMBER_DEFAULTS, type MemberConfig, type MemberState } from './member.js'
export { POOL_DEFAULTS, Pool, type PoolBackend, type PoolConfig } from './pool.js'
export { startPoolUpkeep } from './upkeep.js'
