import { YizhanError } from '@yizhan/kernel'
import { create, type Message, MessageSchema, type TurnCommand, TurnCommandAction } from '@yizhan/proto'
import type { Inbound } from '../channels/port.js'
import type { MendAction } from '../ledger/index.js'
import type { Turns } from '../router/index.js'

/** What carries out commands about turns, once the turns stand. */
export interface TurnHands {
  readonly turns: Pick<Turns, 'mend'>
  readonly accept: Inbound
  readonly servesChannel: (channelId: string) => boolean
}

const ACTION: Readonly<Record<TurnCommandAction, MendAction | undefined>> = {
  [TurnCommandAction.UNSPECIFIED]: undefined,
  [TurnCommandAction.RETRY]: 'retry',
  [TurnCommandAction.EDIT]: 'edit',
  [TurnCommandAction.REROUTE]: 'reroute',
  [TurnCommandAction.ANSWER]: 'answer',
  [TurnCommandAction.ABANDON]: 'abandon',
}

/**
 * Carries out a command of the center about a turn; says how the turn stands, as JSON. With a message it takes another
 * edge's turn in as one of its own, once for each platform id.
 */
export async function carryOutTurnCommand(
  { turns, ...door }: TurnHands,
  command: TurnCommand,
  { commandId, actor }: { readonly commandId: string; readonly actor: string },
): Promise<string> {
  const action = ACTION[command.action]
  if (!action) throw new YizhanError('unsupported', 'this edge does not know what to do with the turn')
  const { expectedVersion, message, target, tenantId: tenant, text, turnId } = command
  if (message) {
    if (action !== 'reroute') throw new YizhanError('invalid_argument', 'only a reroute comes with a message')
    return JSON.stringify(await takeIn(door, command, message))
  }
  const expect = Number(expectedVersion)
  return JSON.stringify(await turns.mend({ commandId, actor, turnId, tenant, expect, action, text, target }))
}

async function takeIn(
  { accept, servesChannel }: Omit<TurnHands, 'turns'>,
  { tenantId, turnId }: TurnCommand,
  message: Message,
): Promise<{ readonly turn: string; readonly version: number; readonly state: string }> {
  if (message.tenantId !== tenantId) {
    throw new YizhanError('invalid_argument', 'the message is of another tenant than the command')
  }
  if (!servesChannel(message.channelId)) throw unfit(`the channel ${message.channelId} is not served here`)
  // Without an id a repeated command would be a second turn.
  const platformId = message.platformId === '' ? `~${turnId}` : message.platformId
  const outcome = await accept(create(MessageSchema, { ...message, platformId }))
  if (outcome.outcome !== 'refused') return { turn: outcome.turnId, version: 0, state: 'received' }
  if (outcome.code === 'not_found') throw unfit(outcome.message)
  throw new YizhanError(outcome.code, outcome.message)
}

function unfit(why: string): YizhanError {
  return new YizhanError('failed_precondition', why)
}
