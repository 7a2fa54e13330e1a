import type { HistoryStep, ReplyContent, Turn } from '../ledger/index.js'

type Row = Record<string, unknown>

/** A turn for people and scripts; what was said stays out of it. */
export function turnRow(turn: Turn): Row {
  const content = turn.final?.content ?? turn.notice?.content
  return {
    id: turn.id,
    state: turn.state,
    cause: turn.cause ?? null,
    version: turn.version,
    tenant: turn.tenant,
    conversation: turn.message.conversationId,
    platformId: turn.message.platformId,
    receivedAt: iso(turn.receivedAt),
    answeredBy: content?.answeredBy ?? null,
    intent: content?.route?.intent ?? null,
    ticket: turn.ticket ?? null,
    notice: turn.notice?.state ?? null,
    final: turn.final?.state ?? null,
    feedback: turn.feedback?.rating ?? null,
    successorOf: turn.successorOf ?? null,
  }
}

/** Everything that the ledger knows of a turn; what was asked and answered only with `text`. */
export function turnDetails(turn: Turn, history: readonly HistoryStep[], { text }: { text: boolean }): Row {
  const { feedback, final, mended, message, notice } = turn
  const content = final?.content ?? notice?.content
  return {
    ...turnRow(turn),
    states: history.map((step) => ({ ...step, at: iso(step.at) })),
    finish: final?.content.finish ?? null,
    model: content?.model ?? null,
    reroutedTo: mended?.target ?? null,
    handoff: notice?.content.handoff ?? null,
    route: content?.route ?? null,
    feedback: feedback ? { rating: feedback.rating, reason: feedback.reason, at: iso(feedback.at) } : null,
    ...(text
      ? {
          text: {
            question: message.text,
            asked: mended?.asked ?? null,
            notice: said(notice),
            final: said(final),
          },
        }
      : {}),
  }
}

function said(reply: { readonly content: ReplyContent } | undefined): string | null {
  return reply?.content.text ?? null
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
