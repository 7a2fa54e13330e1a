import type { Message } from '@yizhan/proto'

const FIXED_BYTES = 1_024
const ATTACHMENT_BYTES = 256

/** About how many bytes a message takes in memory while it waits. Cheap; no part of it is encoded for this. */
export function messageBytes({ text, quoted, attachments }: Message): number {
  return FIXED_BYTES + 2 * (text.length + (quoted?.text.length ?? 0)) + ATTACHMENT_BYTES * attachments.length
}
