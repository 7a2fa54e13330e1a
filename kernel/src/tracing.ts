import {
  type Attributes,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { type Static, Type } from '@sinclair/typebox'
import type { YizhanError } from './errors.js'

/** Where traces go. */
export const telemetryConfigSchema = Type.Object(
  {
    /** OTLP over HTTP with JSON, such as `http://collector:4318/v1/traces`; without it nothing is traced. */
    otlpUrl: Type.Optional(Type.String({ pattern: '^https?://', restart: true })),
    /** Share of the traces that begin here which are recorded; one that begins elsewhere is recorded if it is there. */
    sampleShare: Type.Number({ minimum: 0, maximum: 1, default: 1, restart: true }),
  },
  { additionalProperties: false },
)

export type TelemetryConfig = Static<typeof telemetryConfigSchema>

export type TraceAttributes = Readonly<Record<string, string | number>>

export interface SpanOptions {
  readonly kind: 'server' | 'client'
  /** W3C `traceparent` of what it belongs to; without one, or with a malformed one, a trace begins. */
  readonly parent?: string | undefined
  readonly attributes?: TraceAttributes
}

/** A piece of work as a trace shows it. Never holds what a person wrote. */
export interface TraceSpan {
  /** W3C `traceparent` for whoever goes on with the work; while nothing is traced the one that was given. */
  readonly traceparent: string | undefined
  set(attributes: TraceAttributes): void
  /** Idempotent. */
  end(error?: YizhanError): void
}

export interface Tracing {
  begin(name: string, options: SpanOptions): TraceSpan
  /** Sends what waits; gives up after some seconds. */
  stop(): Promise<void>
}

/** Costs nothing: what came in goes on as it is. */
export const noTracing: Tracing = {
  begin: (_name, { parent }) => ({ traceparent: parent, set: () => undefined, end: () => undefined }),
  stop: async () => undefined,
}

/** Loads what exports traces only where they are asked for. */
export async function startTracing(
  service: { readonly name: string; readonly version: string },
  { otlpUrl, sampleShare }: TelemetryConfig,
): Promise<Tracing> {
  if (otlpUrl === undefined) return noTracing
  const { exportingProvider } = await import('./trace-exporter.js')
  const provider = exportingProvider(service, { url: otlpUrl, sampleShare })
  const tracer = provider.getTracer('yizhan')
  return {
    begin: (name, options) => begin(tracer, name, options),
    stop: () => provider.shutdown(),
  }
}

const KIND = { server: SpanKind.SERVER, client: SpanKind.CLIENT } as const

function begin(tracer: Tracer, name: string, { kind, parent, attributes = {} }: SpanOptions): TraceSpan {
  const from = contextOf(parent)
  const context = from ? trace.setSpanContext(ROOT_CONTEXT, from) : ROOT_CONTEXT
  const span = tracer.startSpan(name, { kind: KIND[kind], attributes: attributes as Attributes }, context)
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    set: (more) => void span.setAttributes(more as Attributes),
    end(error) {
      if (!span.isRecording()) return
      if (error) {
        span.setAttribute('error.type', error.code)
        // A cancellation is no failure of ours.
        if (error.code !== 'cancelled') span.setStatus({ code: SpanStatusCode.ERROR })
      }
      span.end()
    },
  }
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** What a `traceparent` of version 00 says; undefined if it is malformed. */
function contextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(traceparent ?? '') ?? []
  const context = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  }
  return isSpanContextValid(context) ? context : undefined
}
