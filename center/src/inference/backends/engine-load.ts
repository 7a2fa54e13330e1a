import type { EngineLoad } from '../port.js'

/** vLLM's page has some hundred thousand bytes, most of them histograms. */
export const MAX_METRICS_BYTES = 4 * 1024 * 1024

/**
 * What an engine's Prometheus page says of its load; undefined if it is none of a known engine. Several ranks or replicas
 * behind one address are added up, the use of their caches is averaged.
 */
export function engineLoad(page: string): EngineLoad | undefined {
  const metrics = new Metrics(page)
  for (const engine of [vllm, sglang, llamaCpp, tensorRt, tgi]) {
    const { running, waiting = 0, cacheUsage, cacheTokens } = engine(metrics)
    if (running === undefined) continue
    return {
      running,
      waiting,
      ...(cacheUsage === undefined ? {} : { cacheUsage: Math.min(1, cacheUsage) }),
      ...(cacheTokens ? { cacheTokens } : {}),
    }
  }
  return undefined
}

type Reading = { readonly [K in keyof EngineLoad]?: number | undefined }

/** Names under which the same thing was told stand in one call, the newest first. */
const vllm = (metrics: Metrics): Reading => ({
  running: metrics.sum('vllm:num_requests_running'),
  waiting: metrics.sum('vllm:num_requests_waiting'),
  cacheUsage: metrics.mean('vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'),
  cacheTokens: metrics
    .all('vllm:cache_config_info')
    .reduce(
      (tokens, { labels }) => tokens + number(labels, 'block_size') * number(labels, 'num_gpu_blocks'),
      0,
    ),
})

const sglang = (metrics: Metrics): Reading => ({
  running: metrics.sum('sglang:num_running_reqs', 'sglang_num_running_reqs'),
  waiting: metrics.sum('sglang:num_queue_reqs', 'sglang_num_queue_reqs'),
  cacheUsage: metrics.mean('sglang:token_usage', 'sglang_token_usage'),
  cacheTokens: metrics.sum('sglang:max_total_num_tokens', 'sglang_max_total_num_tokens'),
})

const llamaCpp = (metrics: Metrics): Reading => ({
  running: metrics.sum('llamacpp:requests_processing'),
  waiting: metrics.sum('llamacpp:requests_deferred'),
  cacheUsage: metrics.mean('llamacpp:kv_cache_usage_ratio'),
})

/** TensorRT-LLM in Triton: what is active and not scheduled waits. */
const tensorRt = (metrics: Metrics): Reading => {
  const requests = (type: string) => metrics.where('nv_trt_llm_request_metrics', 'request_type', type)
  const blocks = (type: string) =>
    metrics.where('nv_trt_llm_kv_cache_block_metrics', 'kv_cache_block_type', type) ?? 0
  const active = requests('active')
  const running = requests('scheduled') ?? active
  return {
    running,
    waiting: Math.max(0, (active ?? 0) - (running ?? 0)),
    cacheUsage: blocks('max') > 0 ? blocks('used') / blocks('max') : undefined,
    cacheTokens: blocks('max') * blocks('tokens_per'),
  }
}

const tgi = (metrics: Metrics): Reading => ({
  running: metrics.sum('tgi_batch_current_size'),
  waiting: metrics.sum('tgi_queue_size'),
})

interface Sample {
  readonly labels: string
  readonly value: number
}

/** A page of the Prometheus text format, of which only a few names are wanted. */
class Metrics {
  readonly #page: string

  constructor(page: string) {
    this.#page = page
  }

  /** Those with a number of 0 or more. */
  all(name: string): readonly Sample[] {
    const lines = this.#page.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})?[ \\t]+([^\\s]+)`, 'gm'))
    return [...lines]
      .map(([, labels = '', value]) => ({ labels, value: Number(value) }))
      .filter(({ value }) => Number.isFinite(value) && value >= 0)
  }

  sum(...names: string[]): number | undefined {
    const samples = this.#first(names)
    return samples?.reduce((total, { value }) => total + value, 0)
  }

  mean(...names: string[]): number | undefined {
    const samples = this.#first(names)
    return samples && samples.reduce((total, { value }) => total + value, 0) / samples.length
  }

  where(name: string, label: string, is: string): number | undefined {
    return this.all(name).find(({ labels }) => labelOf(labels, label) === is)?.value
  }

  #first(names: readonly string[]): readonly Sample[] | undefined {
    return names.map((name) => this.all(name)).find((samples) => samples.length > 0)
  }
}

function labelOf(labels: string, name: string): string | undefined {
  return new RegExp(`(?:^|,)\\s*${name}="([^"]*)"`).exec(labels)?.[1]
}

function number(labels: string, name: string): number {
  const value = Number(labelOf(labels, name))
  return Number.isFinite(value) ? value : 0
}
