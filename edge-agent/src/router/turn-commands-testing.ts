import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { YizhanError } from '@yizhan/kernel'
import type { Turn } from '../ledger/index.js'
import { temporaryDir } from '../ledger/testing.js'
import { type EdgeOptions, startTestEdge, sure, type TestEdge } from './testing.js'
import type { TurnOrder } from './turn-commands.js'

let orders = 0

export type Wanted = Partial<TurnOrder> & Pick<TurnOrder, 'action'>

/** Orders something about a turn as it stands. */
export function mend(edge: TestEdge, turnId: string, wanted: Wanted) {
  orders += 1
  const expect = edge.ledger.get(turnId)?.version ?? 0
  return edge.turns.mend({ commandId: `cmd_${orders}`, actor: 'zhang', turnId, expect, ...wanted })
}

export const refusedAs = (code: string) => (thrown: unknown) =>
  thrown instanceof YizhanError && thrown.code === code

export async function startEdge(t: TestContext, options: EdgeOptions = {}, dir?: string) {
  const edge = await startTestEdge(t, dir ?? (await temporaryDir(t)), options)
  edge.classifier.known.set('vpn', sure('it.vpn'))
  edge.classifier.known.set('slow one', sure('slow'))
  return edge
}

export const turnOf = (edge: TestEdge, id: string): Turn => edge.ledger.get(id) ?? assert.fail()
export const finals = (edge: TestEdge) => edge.channel.shown.filter(({ kind }) => kind === 'final')

/** Whatever can still happen by itself has happened. */
export async function settled(edge: TestEdge): Promise<void> {
  await edge.ledger.close()
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
