import type { Case } from '../runner/case.js'
import { offlineStart } from './07-offline-start.js'
import { killedEdge } from './09-killed-edge.js'
import { killedCenter } from './10-killed-center.js'
import { crashBeforeMark } from './11-crash-before-mark.js'

/** Every case, in the order of the list of faults. */
export const CASES: readonly Case[] = [offlineStart, killedEdge, killedCenter, crashBeforeMark]
