import type { ChannelCapabilities, Outgoing } from '../channels/port.js'
import type { DeliveredParts, Reply, ReplyContent } from '../ledger/turn.js'
import { nextPart, type PartLimit, partsLeft } from './split.js'

export interface NextOutgoing {
  readonly reply: Outgoing
  /** What is delivered once this is; undefined if the reply is then whole. */
  readonly behind: DeliveredParts | undefined
}

/** What of a reply goes out next on a channel, behind what is delivered of it. */
export function nextOutgoing(
  { id, kind, content, delivered }: Reply,
  capabilities: ChannelCapabilities,
  { isLate }: { readonly isLate: boolean },
): NextOutgoing {
  const limit = limitOf(capabilities)
  const before = delivered ?? { parts: 0, upTo: 0 }
  const how = isLate ? ({ proactive: true } as const) : {}
  if (before.parts === 0 && limit.sizeOf(content.text) <= limit.maxBytes) {
    return { reply: { id, kind, content, ...how }, behind: undefined }
  }
  const index = before.parts + 1
  const part = nextPart(content.text, before.upTo, limit)
  const of = before.parts + partsLeft(content.text, before.upTo, limit)
  const isLast = part.to >= content.text.length
  const reply: Outgoing = {
    id: index === 1 ? id : `${id}/${index}`,
    kind,
    content: { ...(isLast ? content : withoutTail(content)), text: part.text },
    ...(of === 1 ? {} : { part: { index, of } }),
    ...how,
  }
  return { reply, behind: isLast ? undefined : { parts: index, upTo: part.to } }
}

function limitOf({ maxBytes, sizeOf = Buffer.byteLength }: ChannelCapabilities): PartLimit {
  return { maxBytes, sizeOf: (text) => sizeOf(text) }
}

/** What belongs below a text comes with its last part. */
function withoutTail(content: ReplyContent): ReplyContent {
  const { card: _card, choices: _choices, handoff: _handoff, ...rest } = content
  return { ...rest, citations: [] }
}
