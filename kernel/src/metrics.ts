import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { YizhanError } from './errors.js'

export interface Metrics {
  readonly registry: Registry
  /** Content type of what `render` gives. */
  readonly contentType: string
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>
  /** `collect` is called before each reading, to set what nobody announces. */
  gauge<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    collect?: (gauge: Gauge<L>) => void,
  ): Gauge<L>
  /** `buckets` are upper bounds in the metric's unit; default: 1 ms to 10 s, for metrics in seconds. */
  histogram<L extends string = never>(
    name: string,
    help: string,
    labels?: readonly L[],
    buckets?: readonly number[],
  ): Histogram<L>
  /** The Prometheus text form of everything registered. */
  render(): Promise<string>
}

export interface MetricsOptions {
  /** Memory, CPU, event loop lag and garbage collection of this process; default false. */
  readonly processMetrics?: boolean
}

/** Our own, and those whose names OpenTelemetry gives. */
const NAME = /^(?:yizhan|gen_ai)_[a-z][a-z0-9_]*$/
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** A registry of this process's own metrics; names start with `yizhan_` or `gen_ai_` and are registered once (else `internal`). */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  if (options.processMetrics) collectDefaultMetrics({ register: registry, prefix: 'yizhan_' })
  const base = <L extends string>(name: string, help: string, labels: readonly L[] = []) => {
    if (!NAME.test(name))
      throw new YizhanError('internal', `metric ${name} is not named yizhan_… or gen_ai_…`)
    if (registry.getSingleMetric(name)) throw new YizhanError('internal', `metric ${name} exists already`)
    return { name, help, labelNames: [...labels], registers: [registry] }
  }
  return {
    registry,
    contentType: registry.contentType,
    counter: (name, help, labels) => new Counter(base(name, help, labels)),
    gauge<L extends string>(
      name: string,
      help: string,
      labels?: readonly L[],
      collect?: (gauge: Gauge<L>) => void,
    ) {
      const gauge: Gauge<L> = new Gauge<L>({
        ...base(name, help, labels),
        ...(collect ? { collect: () => collect(gauge) } : {}),
      })
      return gauge
    },
    histogram: (name, help, labels, buckets = SECONDS) =>
      new Histogram({ ...base(name, help, labels), buckets: [...buckets] }),
    render: () => registry.metrics(),
  }
}
