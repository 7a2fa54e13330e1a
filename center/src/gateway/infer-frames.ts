import {
  create,
  FinalSchema,
  FinishReason,
  type InferResponse,
  InferResponseSchema,
  UsageSchema,
} from '@yizhan/proto'
import type { AttemptEnd } from '../inference/port.js'

const FINISH: Record<AttemptEnd['finish'], FinishReason> = {
  stop: FinishReason.STOP,
  length: FinishReason.LENGTH,
  cancelled: FinishReason.CANCELLED,
  'no-answer': FinishReason.NO_ANSWER,
}

/** The Final frame of an attempt's end. */
export function finalFrame(end: AttemptEnd): InferResponse['frame'] {
  return {
    case: 'final',
    value: create(FinalSchema, {
      lastSeq: end.lastSeq,
      textSha256: end.textSha256,
      citations: [...end.citations],
      model: end.model,
      usage: create(UsageSchema, end.usage),
      finishReason: FINISH[end.finish],
    }),
  }
}

/** A frame of `requestId`; attempt 0 = no run of it was started. */
export function inferResponse(
  linkGeneration: bigint,
  requestId: string,
  attempt: number,
  frame: InferResponse['frame'],
): InferResponse {
  return create(InferResponseSchema, { linkGeneration, requestId, attempt, frame })
}
