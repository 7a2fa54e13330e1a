import assert from 'node:assert/strict'
import { test } from 'node:test'
import { engineLoad } from './engine-load.js'

test('a page of something else, or of nothing that can be read, says nothing', () => {
  for (const page of [
    '',
    '<html>',
    'node_load1 7',
    'vllm:num_requests_running{a="b"} NaN',
    'vllm:num_requests_running -1',
  ]) {
    assert.equal(engineLoad(page), undefined, page)
  }
})

test('vLLM of today and of yesterday, its ranks added up', () => {
  const page = (usage: string) => `# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m{}"} 3.0
vllm:num_requests_running{engine="1",model_name="m{}"} 4.0
vllm:num_requests_waiting{engine="0"} 2.0
vllm:${usage}{engine="0"} 0.5
vllm:${usage}{engine="1"} 0.7
vllm:time_to_first_token_seconds_bucket{le="0.1"} 7
vllm:cache_config_info{block_size="16",cache_dtype="auto",num_gpu_blocks="1000",num_gpu_blocks_override="None"} 1.0
`
  for (const usage of ['kv_cache_usage_perc', 'gpu_cache_usage_perc']) {
    assert.deepEqual(engineLoad(page(usage)), {
      running: 7,
      waiting: 2,
      cacheUsage: 0.6,
      cacheTokens: 16_000,
    })
  }
})

test('SGLang, llama.cpp and TGI under their own names', () => {
  const sglang = `sglang:num_running_reqs{model_name="m"} 128.0
sglang:num_queue_reqs{model_name="m"} 5
sglang:token_usage{model_name="m"} 0.28 1700000000000
sglang:max_total_num_tokens{model_name="m"} 454720`
  assert.deepEqual(engineLoad(sglang), { running: 128, waiting: 5, cacheUsage: 0.28, cacheTokens: 454_720 })
  assert.deepEqual(engineLoad('llamacpp:requests_processing 1\nllamacpp:requests_deferred 2\n'), {
    running: 1,
    waiting: 2,
  })
  assert.deepEqual(engineLoad('tgi_batch_current_size 6\r\ntgi_queue_size 0\r\n'), { running: 6, waiting: 0 })
})

test('TensorRT-LLM in Triton, which tells several things under one name', () => {
  const page = `nv_trt_llm_request_metrics{model="m",request_type="active",version="1"} 9
nv_trt_llm_request_metrics{model="m",request_type="scheduled",version="1"} 7
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max",model="m"} 100
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="used",model="m"} 25
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per",model="m"} 64`
  assert.deepEqual(engineLoad(page), { running: 7, waiting: 2, cacheUsage: 0.25, cacheTokens: 6_400 })
})
