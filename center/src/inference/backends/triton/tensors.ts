import { create } from '@yizhan/proto'
import {
  type InferTensorContents,
  InferTensorContentsSchema,
  type ModelInferRequest,
  ModelInferRequest_InferInputTensorSchema,
  ModelInferRequest_InferRequestedOutputTensorSchema,
  ModelInferRequestSchema,
  type ModelInferResponse,
} from '@yizhan/proto/kserve'
import type { Fields } from '../record.js'
import type { TritonSettings } from './settings.js'

/** What is asked, as both dialects can say it. */
export interface Prompt {
  readonly text: string
  readonly maxTokens: number
  readonly stops: readonly string[]
  readonly temperature?: number
  readonly topP?: number
  readonly seed?: number
}

/** Asks for a last, empty response that says that it is the last. */
const FINAL_WANTED = 'triton_enable_empty_final_response'
const FINAL = 'triton_final_response'

/** The request in the names of the server's backend. */
export function inferRequest(prompt: Prompt, { model, version, dialect }: TritonSettings): ModelInferRequest {
  const inputs = dialect === 'vllm' ? vllmInputs(prompt) : tensorRtInputs(prompt)
  const outputs =
    dialect === 'vllm'
      ? ['text_output', 'finish_reason', 'num_input_tokens', 'num_output_tokens']
      : ['text_output']
  return create(ModelInferRequestSchema, {
    modelName: model,
    modelVersion: version ?? '',
    parameters: { [FINAL_WANTED]: { parameterChoice: { case: 'boolParam', value: true } } },
    inputs,
    outputs: outputs.map((name) => create(ModelInferRequest_InferRequestedOutputTensorSchema, { name })),
  })
}

function vllmInputs({ text, maxTokens, stops, temperature, topP, seed }: Prompt) {
  const sampling: Fields = {
    max_tokens: maxTokens,
    stop: stops,
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(seed === undefined ? {} : { seed }),
  }
  const flag = (name: string) => input(name, 'BOOL', [1], { boolContents: [true] })
  return [
    input('text_input', 'BYTES', [1], { bytesContents: [utf8(text)] }),
    flag('stream'),
    input('sampling_parameters', 'BYTES', [1], { bytesContents: [utf8(JSON.stringify(sampling))] }),
    ...[
      'exclude_input_in_output',
      'return_finish_reason',
      'return_num_input_tokens',
      'return_num_output_tokens',
    ].map(flag),
  ]
}

/** Its tensors have a batch of one. */
function tensorRtInputs({ text, maxTokens, stops, temperature, topP, seed }: Prompt) {
  const float = (name: string, value: number | undefined) =>
    value === undefined ? [] : [input(name, 'FP32', [1, 1], { fp32Contents: [value] })]
  return [
    input('text_input', 'BYTES', [1, 1], { bytesContents: [utf8(text)] }),
    input('max_tokens', 'INT32', [1, 1], { intContents: [maxTokens] }),
    input('stream', 'BOOL', [1, 1], { boolContents: [true] }),
    ...(stops.length === 0
      ? []
      : [input('stop_words', 'BYTES', [1, stops.length], { bytesContents: stops.map(utf8) })]),
    ...float('temperature', temperature),
    ...float('top_p', topP),
    ...(seed === undefined
      ? []
      : [input('random_seed', 'UINT64', [1, 1], { uint64Contents: [BigInt(seed)] })]),
  ]
}

function input(
  name: string,
  datatype: string,
  shape: number[],
  contents: Partial<Omit<InferTensorContents, '$typeName' | '$unknown'>>,
) {
  return create(ModelInferRequest_InferInputTensorSchema, {
    name,
    datatype,
    shape: shape.map(BigInt),
    contents: create(InferTensorContentsSchema, contents),
  })
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** What one response of a stream says. */
export interface Said {
  readonly text: readonly Uint8Array[]
  readonly finish: string
  readonly inputTokens: number
  readonly outputTokens: number
  readonly last: boolean
}

export function readResponse(response: ModelInferResponse): Said {
  const final = response.parameters[FINAL]?.parameterChoice
  return {
    text: strings(response, 'text_output'),
    finish: Buffer.concat(strings(response, 'finish_reason')).toString(),
    inputTokens: unsigned(response, 'num_input_tokens'),
    outputTokens: unsigned(response, 'num_output_tokens'),
    last: final?.case === 'boolParam' && final.value,
  }
}

function strings(response: ModelInferResponse, name: string): Uint8Array[] {
  const { contents, raw } = tensorOf(response, name)
  if (raw === undefined) return contents?.bytesContents ?? []
  const all = Buffer.from(raw)
  const found: Uint8Array[] = []
  for (let at = 0; at + 4 <= all.length; ) {
    const length = all.readUInt32LE(at)
    found.push(all.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return found
}

function unsigned(response: ModelInferResponse, name: string): number {
  const { contents, raw } = tensorOf(response, name)
  if (raw === undefined) return contents?.uintContents[0] ?? 0
  return raw.length < 4 ? 0 : Buffer.from(raw).readUInt32LE()
}

function tensorOf({ outputs, rawOutputContents }: ModelInferResponse, name: string) {
  const at = outputs.findIndex((output) => output.name === name)
  return { contents: outputs[at]?.contents, raw: at < 0 ? undefined : rawOutputContents[at] }
}
