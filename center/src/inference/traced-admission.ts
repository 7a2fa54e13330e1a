import { type TraceSpan, type Tracing, toYizhanError } from '@yizhan/kernel'
import type { Admission, Generate, Lease } from './port.js'

/**
 * Admission with spans: one from the arrival of a request to its end, which belongs to what its caller traces, and in it one
 * of the answering, which the engine gets as its parent. Names as in OpenTelemetry's `gen_ai` conventions.
 */
export function tracedAdmission(admission: Admission, tracing: Tracing): Admission {
  return {
    async enter(request, signal) {
      const span = tracing.begin('answer', {
        kind: 'server',
        parent: request.traceparent,
        attributes: { 'yizhan.tenant': request.tenant, 'yizhan.priority': request.priority },
      })
      try {
        return tracedLease(await admission.enter(request, signal), span, tracing)
      } catch (thrown) {
        span.end(toYizhanError(thrown))
        throw thrown
      }
    },
    position: (request) => admission.position(request),
    stats: () => admission.stats(),
  }
}

function tracedLease(lease: Lease, span: TraceSpan, tracing: Tracing): Lease {
  span.set({ 'yizhan.queue_ms': Math.round(lease.queueMs) })
  return {
    queueMs: lease.queueMs,
    generate: tracedGenerate(lease.generate, span, tracing),
    charge: (tokens) => lease.charge(tokens),
    release(tokens) {
      span.end()
      lease.release(tokens)
    },
  }
}

function tracedGenerate(generate: Generate, outer: TraceSpan, tracing: Tracing): Generate {
  return async function* (request, signal, onStart) {
    const span = tracing.begin('chat', {
      kind: 'client',
      parent: outer.traceparent,
      attributes: { 'gen_ai.operation.name': 'chat' },
    })
    let tries = 0
    try {
      const order = { ...request, traceparent: span.traceparent }
      for await (const piece of generate(order, signal, (backend) => {
        tries += 1
        span.set({
          'gen_ai.request.model': backend.model,
          'yizhan.backend': backend.name,
          'yizhan.tries': tries,
        })
        onStart(backend)
      })) {
        if (piece.type === 'end') {
          span.set({
            'gen_ai.response.finish_reasons': piece.finish,
            'gen_ai.usage.input_tokens': piece.inputTokens ?? 0,
            'gen_ai.usage.output_tokens': piece.outputTokens ?? 0,
          })
        }
        yield piece
      }
    } catch (thrown) {
      span.end(toYizhanError(thrown))
      throw thrown
    } finally {
      span.end()
    }
  }
}
