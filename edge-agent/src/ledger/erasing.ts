import { type Logger, toYizhanError } from '@yizhan/kernel'
import { create, type Message, MessageSchema } from '@yizhan/proto'
import { emptyEntry } from './emptied.js'
import { decodeEntry, encodeEntry, type LedgerEntry } from './entries.js'
import type { Journal, Replacement } from './journal.js'
import type { WhoseAccount } from './port.js'

export interface ToEmpty {
  /** Of the persons themselves. */
  readonly turns: ReadonlySet<string>
  /** Turns of others that quoted them, with the message that is left. */
  readonly quoting: ReadonlyMap<string, Message>
  readonly replacements: readonly Replacement[]
}

/** Reads the whole journal for what is to be emptied. Turns that are open are left alone. */
export async function entriesToEmpty(
  { journal, log }: { readonly journal: Journal; readonly log: Logger },
  whose: WhoseAccount,
  isOpen: (turnId: string) => boolean,
  signal: AbortSignal,
): Promise<ToEmpty> {
  const turns = new Set<string>()
  const quoting = new Map<string, Message>()
  const replacements: Replacement[] = []
  for await (const scanned of journal.scan(0)) {
    signal.throwIfAborted()
    if (scanned.kind === 'lost') continue
    const entry = entryOf(log, scanned)
    if (!entry) continue
    if (entry.k === 'received') {
      const { message } = entry
      const { tenantId, channelId, quoted } = message
      if (whose(tenantId, channelId, message.sender?.id ?? '')) {
        if (!isOpen(entry.id)) turns.add(entry.id)
      } else if (quoted && whose(tenantId, channelId, quoted.senderId)) {
        const { quoted: _quoted, ...rest } = message
        quoting.set(entry.id, create(MessageSchema, rest))
      }
    }
    const emptied = replaced(entry, turns, quoting)
    if (emptied) replacements.push({ seq: scanned.seq, age: scanned.age, bytes: encodeEntry(emptied) })
  }
  return { turns, quoting, replacements }
}

function replaced(
  entry: LedgerEntry,
  turns: ReadonlySet<string>,
  quoting: ReadonlyMap<string, Message>,
): LedgerEntry | undefined {
  if (turns.has(entry.id)) return emptyEntry(entry)
  const message = entry.k === 'received' ? quoting.get(entry.id) : undefined
  return message && entry.k === 'received' ? { ...entry, message } : undefined
}

/** Undefined for a record that a start tells of as damaged: it is nobody's any more. */
function entryOf(log: Logger, { seq, bytes }: { readonly seq: number; readonly bytes: Uint8Array }) {
  try {
    return decodeEntry(bytes)
  } catch (thrown) {
    log.error({ err: toYizhanError(thrown, 'data_corrupt'), seq }, 'a journal record cannot be understood')
    return undefined
  }
}
