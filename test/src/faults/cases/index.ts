import type { Case } from '../runner/case.js'
import { suiteCase } from '../suite-case.js'
import { wanCut } from './01-wan-cut.js'
import { halfOpen } from './02-half-open.js'
import { flap } from './03-flap.js'
import { loss } from './04-loss.js'
import { thinLine } from './05-thin-line.js'
import { oneWayCut } from './06-one-way-cut.js'
import { offlineStart } from './07-offline-start.js'
import { reconnectHerd } from './08-reconnect-herd.js'
import { killedEdge } from './09-killed-edge.js'
import { killedCenter } from './10-killed-center.js'
import { crashBeforeMark } from './11-crash-before-mark.js'
import { powerCut } from './12-power-cut.js'
import { diskFullEdge, restartOnFullDisk } from './13-disk-full-edge.js'
import { syncFails } from './16-sync-fails.js'
import { bitFlip, ruinedHeads, tornTail } from './17-damaged-journal.js'
import { descriptorsExhausted } from './20-descriptors.js'
import { outOfMemory } from './21-out-of-memory.js'
import { paused } from './22-paused.js'
import { loopBlocked } from './23-loop-blocked.js'
import { clockJumps } from './24-clock.js'
import { floodingTenant } from './32-flooding-tenant.js'
import { hangingBackend } from './37-hanging-backend.js'
import { cancelledMidStream } from './38-cancelled-mid-stream.js'
import { mixed } from './mixed.js'

/** Of the suites of the store: `npm test` makes 25. */
const KILLS = [25, 100] as const

/** Every case, in the order of the list of faults. */
export const CASES: readonly Case[] = [
  wanCut,
  halfOpen,
  flap,
  loss,
  thinLine,
  oneWayCut,
  offlineStart,
  reconnectHerd,
  killedEdge,
  killedCenter,
  crashBeforeMark,
  powerCut,
  diskFullEdge,
  restartOnFullDisk,
  suiteCase(
    15,
    'the disk of the center is full: refused by name, edges keep their data',
    'center-disk-full',
    {
      needs: ['mount'],
    },
  ),
  syncFails,
  bitFlip,
  tornTail,
  ruinedHeads,
  descriptorsExhausted,
  outOfMemory,
  paused,
  loopBlocked,
  clockJumps,
  floodingTenant,
  suiteCase(
    36,
    'a platform takes its connection away, or is gone for hours: the new link first, and back within one backoff step',
    '../../../edge-agent/dist/channels/connection',
  ),
  hangingBackend,
  cancelledMidStream,
  mixed,
  suiteCase(
    'backends',
    'engines killed under load: every turn ends with one complete final while one remains',
    'killed-backends',
  ),
  suiteCase('store-batches', 'kill -9 of a process that writes sealed batches', 'killed-batches-sealed', {
    kills: KILLS,
  }),
  suiteCase('store-batches-plain', 'the same without sealing', 'killed-batches-plain'),
  suiteCase('store-moves', 'kill -9 of a process that moves a tenant', 'killed-moves-sealed', {
    kills: KILLS,
  }),
  suiteCase('store-moves-plain', 'the same without sealing', 'killed-moves-plain'),
  suiteCase('store-moves-postgres', 'the same between LevelDB and PostgreSQL', 'killed-moves-postgres', {
    needs: ['postgres'],
    kills: KILLS,
  }),
  suiteCase('store-rotation', 'kill -9 of a process that rotates keys', 'killed-rotation-level', {
    kills: KILLS,
  }),
  suiteCase('store-rotation-postgres', 'the same on PostgreSQL', 'killed-rotation-postgres', {
    needs: ['postgres'],
    kills: KILLS,
  }),
  suiteCase('store-restore', 'kill -9 of a process that restores a backup', 'killed-restore-level', {
    kills: KILLS,
  }),
  suiteCase('store-restore-postgres', 'the same into PostgreSQL', 'killed-restore-postgres', {
    needs: ['postgres'],
    kills: KILLS,
  }),
  suiteCase('erased-bytes', 'an erased person is in no byte of any file', 'erased-bytes'),
  suiteCase('erased-bytes-postgres', 'the same on PostgreSQL', 'erased-bytes-postgres', {
    needs: ['postgres'],
  }),
]
