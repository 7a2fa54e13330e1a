import type { Case } from '../runner/case.js'
import { killedEdge } from './09-killed-edge.js'

/** Every case, in the order of the list of faults. */
export const CASES: readonly Case[] = [killedEdge]
