import type { TenantId } from '@yizhan/kernel'
import {
  type Command,
  create,
  type Message,
  type TurnCommand,
  TurnCommandAction,
  TurnCommandSchema,
} from '@yizhan/proto'
import type { TurnAction, TurnOrder } from './command-collection.js'

const WIRE: Readonly<Record<TurnAction, TurnCommandAction>> = {
  retry: TurnCommandAction.RETRY,
  edit: TurnCommandAction.EDIT,
  reroute: TurnCommandAction.REROUTE,
  answer: TurnCommandAction.ANSWER,
  abandon: TurnCommandAction.ABANDON,
}

/** What an edge is told; with the message, one that takes the turn in as its own. */
export function commandOf(tenant: TenantId, order: TurnOrder, message: Message | undefined): TurnCommand {
  return create(TurnCommandSchema, {
    tenantId: tenant,
    turnId: order.turn,
    expectedVersion: message ? 0n : BigInt(order.expectedVersion),
    action: WIRE[order.action],
    text: order.text ?? '',
    target: order.target ?? '',
    ...(message ? { message } : {}),
  })
}

export function isSameCommand(command: Command['command'], wanted: TurnCommand): boolean {
  if (command.case !== 'turn') return false
  const { value } = command
  const told = ['tenantId', 'turnId', 'expectedVersion', 'action', 'text', 'target'] as const
  return told.every((field) => value[field] === wanted[field])
}

/** The id in `edge:<id>`. */
export function otherEdgeOf({ target }: TurnOrder): string | undefined {
  return target?.startsWith('edge:') ? target.slice('edge:'.length) : undefined
}
