import type { EngineLoad } from '../../port.js'

/** vLLM's have some hundred thousand bytes, most of them histograms. */
export const MAX_METRICS_BYTES = 4 * 1024 * 1024

interface Sample {
  readonly labels: string
  readonly value: number
}
type Samples = (name: string) => readonly Sample[]

/**
 * What an engine's Prometheus page says of its load; undefined if it is none of a known engine. Several ranks or replicas
 * behind one address are added up, the use of their caches is averaged.
 */
export function engineLoad(page: string): EngineLoad | undefined {
  const found = samplesIn(page)
  const samples: Samples = (name) => found.get(name) ?? []
  for (const { running, waiting, cacheUsage, cacheTokens } of ENGINES) {
    const runs = first(samples, running)
    if (runs.length === 0) continue
    const usage = first(samples, cacheUsage)
    const used = usage.length === 0 ? undefined : sum(usage) / usage.length
    const tokens = cacheTokens(samples)
    return {
      running: sum(runs),
      waiting: sum(first(samples, waiting)),
      ...(used === undefined ? {} : { cacheUsage: Math.min(1, Math.max(0, used)) }),
      ...(tokens > 0 ? { cacheTokens: tokens } : {}),
    }
  }
  return undefined
}

/** Names under which the same thing was told, the newest first. */
interface EngineNames {
  readonly running: readonly string[]
  readonly waiting: readonly string[]
  readonly cacheUsage: readonly string[]
  readonly cacheTokens: (samples: Samples) => number
}

const ENGINES: readonly EngineNames[] = [
  {
    running: ['vllm:num_requests_running'],
    waiting: ['vllm:num_requests_waiting'],
    cacheUsage: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
    cacheTokens: (samples) =>
      samples('vllm:cache_config_info').reduce(
        (tokens, { labels }) => tokens + label(labels, 'block_size') * label(labels, 'num_gpu_blocks'),
        0,
      ),
  },
  {
    running: ['sglang:num_running_reqs', 'sglang_num_running_reqs'],
    waiting: ['sglang:num_queue_reqs', 'sglang_num_queue_reqs'],
    cacheUsage: ['sglang:token_usage', 'sglang_token_usage'],
    cacheTokens: (samples) => sum(samples('sglang:max_total_num_tokens')),
  },
  {
    running: ['llamacpp:requests_processing'],
    waiting: ['llamacpp:requests_deferred'],
    cacheUsage: ['llamacpp:kv_cache_usage_ratio'],
    cacheTokens: () => 0,
  },
  {
    running: ['tgi_batch_current_size'],
    waiting: ['tgi_queue_size'],
    cacheUsage: [],
    cacheTokens: () => 0,
  },
]

function first(samples: Samples, names: readonly string[]): readonly Sample[] {
  return names.map(samples).find((found) => found.length > 0) ?? []
}

function sum(samples: readonly Sample[]): number {
  return samples.reduce((total, { value }) => total + value, 0)
}

const NAMES = new Set(
  ENGINES.flatMap(({ running, waiting, cacheUsage }) => [...running, ...waiting, ...cacheUsage]).concat(
    'vllm:cache_config_info',
    'sglang:max_total_num_tokens',
  ),
)
/** A line of the text format: name, labels, value, perhaps a time. */
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+([^\s]+)(?:\s+-?\d+)?\s*$/

function samplesIn(page: string): Map<string, Sample[]> {
  const found = new Map<string, Sample[]>()
  for (const line of page.split('\n')) {
    const [, name = '', labels = '', number = ''] = LINE.exec(line) ?? []
    const value = Number(number)
    if (!NAMES.has(name) || !Number.isFinite(value) || value < 0) continue
    const list = found.get(name) ?? []
    list.push({ labels, value })
    found.set(name, list)
  }
  return found
}

function label(labels: string, name: string): number {
  const value = Number(new RegExp(`(?:^|,)\\s*${name}="([^"]*)"`).exec(labels)?.[1])
  return Number.isFinite(value) ? value : 0
}
