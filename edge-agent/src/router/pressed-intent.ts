import type { TenantFile } from '@yizhan/intent'
import { MessageKind } from '@yizhan/proto'
import type { Turn } from '../ledger/index.js'
import { inLanguage, type LiveTenant } from '../tenants/index.js'

/** What a pressed button asks: the intent that is its action, in the words of a typical question. */
export function pressedIntent(
  { message }: Turn,
  { file }: LiveTenant,
  language: string,
): { readonly question: string; readonly chosen: string } | undefined {
  const action = message.cardAction?.action ?? ''
  if (message.kind !== MessageKind.CARD || !Object.hasOwn(file.intents, action)) return undefined
  return { question: message.text || typicalQuestion(file, action, language), chosen: action }
}

/** An intent as a person can tell it from another: its typical question, or its id. */
export function typicalQuestion(file: TenantFile, intent: string, language: string): string {
  const title = Object.hasOwn(file.intents, intent) ? file.intents[intent]?.title : undefined
  return title === undefined ? intent : inLanguage(title, language, file.languages)
}
