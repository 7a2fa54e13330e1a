import { type TenantId, YizhanError } from '@yizhan/kernel'
import { ChatType, HistoryRole, Priority, type Submit } from '@yizhan/proto'
import type { PseudonymOf } from '../admission/pseudonyms.js'
import type { Order } from './attempt-run.js'
import { latestWithin } from './history.js'
import { languageOf } from './language.js'
import type { GenerateRequest, RequestPriority } from './port.js'

const PRIORITY: Record<Priority, RequestPriority> = {
  [Priority.UNSPECIFIED]: 'interactive',
  [Priority.INTERACTIVE]: 'interactive',
  [Priority.TASK]: 'task',
  [Priority.BATCH]: 'batch',
}

export interface OrderRules {
  readonly maxTotalMs: number
  readonly historyTokens: number
  readonly pseudonymOf: PseudonymOf
}

/** Of a turn that is started again the request has another id: `turn~version`. */
const AGAIN = /~\d+$/

/**
 * What a submit asks for; `invalid_argument` if it asks nothing. A longer time than `maxTotalMs` is cut to it, and the
 * history to the latest that has at most `historyTokens`.
 */
export function orderOf(
  { tenant, requestId }: { readonly tenant: TenantId; readonly requestId: string },
  submit: Submit,
  { maxTotalMs, historyTokens, pseudonymOf }: OrderRules,
): Order | YizhanError {
  const question = submit.message?.text ?? ''
  if (question.trim() === '') return new YizhanError('invalid_argument', 'the request holds no question')
  const locale = submit.answerLocale || submit.message?.locale || languageOf('', question)
  const { channelId = '', conversationId = '', chatType, sender } = submit.message ?? {}
  const { kept: history, leftOut } = latestWithin(historyOf(submit), historyTokens)
  const isPersons = conversationId !== '' && sender !== undefined && sender.id !== ''
  return {
    question: {
      tenant,
      question,
      locale,
      history,
      ...(leftOut ? { historyLeftOut: true } : {}),
      ...(sender?.id ? { user: pseudonymOf(tenant, `${channelId}\n${sender.id}`) } : {}),
      ...(conversationId === '' ? {} : { conversation: conversationId }),
      ...(submit.traceparent === '' ? {} : { traceparent: submit.traceparent }),
    },
    knowledge: submit.knowledge,
    files: (submit.message?.attachments ?? []).map(({ name, sha256 }) => {
      return { name, sha256: Buffer.from(sha256).toString('hex') }
    }),
    reader: {
      channel: channelId,
      sender: sender?.id ?? '',
      department: sender?.department ?? '',
      inGroup: chatType !== ChatType.DIRECT,
    },
    ...(isPersons
      ? {
          turn: requestId.replace(AGAIN, ''),
          ...(submit.memoryFrom === '' ? {} : { memoryFrom: submit.memoryFrom }),
          askedIn: { tenant, channel: channelId, conversation: conversationId, sender: sender.id },
        }
      : {}),
    // An edge of a later version may name a class that is not known here.
    priority: PRIORITY[submit.priority] ?? 'batch',
    totalMs: Math.min(submit.timeoutMs || maxTotalMs, maxTotalMs),
  }
}

function historyOf(submit: Submit): GenerateRequest['history'] {
  return submit.history.flatMap(({ role, text }): GenerateRequest['history'] => {
    if (role === HistoryRole.USER) return [{ role: 'user', text }]
    return role === HistoryRole.ASSISTANT ? [{ role: 'assistant', text }] : []
  })
}
