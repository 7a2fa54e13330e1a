import type { Case } from '../runner/case.js'
import { offlineStart } from './07-offline-start.js'
import { killedEdge } from './09-killed-edge.js'
import { killedCenter } from './10-killed-center.js'
import { crashBeforeMark } from './11-crash-before-mark.js'
import { powerCut } from './12-power-cut.js'
import { diskFullEdge, restartOnFullDisk } from './13-disk-full-edge.js'
import { syncFails } from './16-sync-fails.js'
import { descriptorsExhausted } from './20-descriptors.js'
import { outOfMemory } from './21-out-of-memory.js'
import { paused } from './22-paused.js'
import { loopBlocked } from './23-loop-blocked.js'
import { clockJumps } from './24-clock.js'

/** Every case, in the order of the list of faults. */
export const CASES: readonly Case[] = [
  offlineStart,
  killedEdge,
  killedCenter,
  crashBeforeMark,
  powerCut,
  diskFullEdge,
  restartOnFullDisk,
  syncFails,
  descriptorsExhausted,
  outOfMemory,
  paused,
  loopBlocked,
  clockJumps,
]
