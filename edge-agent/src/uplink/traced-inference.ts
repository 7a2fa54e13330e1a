import type { Tracing } from '@yizhan/kernel'
import type { Uplink } from './port.js'

type Line = Pick<Uplink, 'link' | 'onLink' | 'infer' | 'maxInFlight'>

/** The uplink with a span around each request, from its presenting to its end, that the center's spans belong to. */
export function tracedUplink(uplink: Line, tracing: Tracing): Line {
  return {
    get link() {
      return uplink.link
    },
    get maxInFlight() {
      return uplink.maxInFlight
    },
    onLink: (fn) => uplink.onLink(fn),
    infer: tracedInfer(uplink, tracing),
  }
}

function tracedInfer(uplink: Line, tracing: Tracing): Uplink['infer'] {
  return (request, sink) => {
    const span = tracing.begin('forward', {
      kind: 'client',
      attributes: { 'yizhan.tenant': request.tenant, 'yizhan.turn': request.requestId },
    })
    return uplink.infer(
      { ...request, traceparent: span.traceparent },
      {
        started: (attempt, queuePosition) => sink.started(attempt, queuePosition),
        tokens: (attempt, seq, text) => sink.tokens(attempt, seq, text),
        final(result) {
          span.set({ 'yizhan.attempt': result.attempt, 'gen_ai.response.model': result.model })
          span.end()
          sink.final(result)
        },
        failed(error) {
          span.end(error)
          sink.failed(error)
        },
      },
    )
  }
}
