import { Server, ServerCredentials, type ServerDuplexStream, status } from '@grpc/grpc-js'
import { create, type Handlers, serviceDefinition } from '@yizhan/proto'
import {
  GRPCInferenceService,
  type ModelInferRequest,
  type ModelInferResponse,
  ModelInferResponseSchema,
  ModelReadyResponseSchema,
  type ModelStreamInferResponse,
  ModelStreamInferResponseSchema,
  ServerLiveResponseSchema,
} from '@yizhan/proto/kserve'
import type { Scope } from '../../support/scope.js'
import { piecesOf } from '../engine/answer.js'
import { StubCounts } from '../engine/counts.js'
import { STUB_DEFAULTS, type StubSettings } from '../engine/settings.js'

export const TRITON_MODEL = 'stub'

type Call = ServerDuplexStream<ModelInferRequest, ModelStreamInferResponse>
type Parts = Pick<ModelInferResponse, 'outputs' | 'rawOutputContents' | 'parameters'>

/**
 * A server that speaks as Triton's vLLM and TensorRT-LLM backends do, after the public specification; no real Triton stood
 * by. It answers as the stub engine and has its faults, as far as they exist in this protocol.
 */
export class TritonSimulator {
  readonly counts = new StubCounts()
  /** Prompts as they came. */
  readonly prompts: string[] = []
  address = ''
  ready = true
  settings: StubSettings = STUB_DEFAULTS

  static async start(scope: Scope): Promise<TritonSimulator> {
    const it = new TritonSimulator()
    const server = new Server()
    const handlers: Handlers<typeof GRPCInferenceService> = {
      serverLive: (_call, done) => done(null, create(ServerLiveResponseSchema, { live: true })),
      modelReady: ({ request }, done) => {
        const ready = it.ready && request.name === TRITON_MODEL
        done(null, create(ModelReadyResponseSchema, { ready }))
      },
      modelStreamInfer: (call) => it.#stream(call),
    }
    server.addService(serviceDefinition(GRPCInferenceService), { ...handlers })
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      )
    })
    it.address = `127.0.0.1:${port}`
    scope.after(() => server.forceShutdown())
    return it
  }

  #stream(call: Call): void {
    call.on('error', () => undefined)
    call.on('data', (request: ModelInferRequest) => this.#answer(call, request))
  }

  #answer(call: Call, request: ModelInferRequest): void {
    const { fault, after, tokens, maxInput } = this.settings
    this.counts.requests++
    const prompt = Buffer.concat(inputOf(request, 'text_input')?.bytesContents ?? []).toString()
    this.prompts.push(prompt)
    const refusal = this.#refusal(prompt, maxInput)
    if (refusal !== undefined) {
      call.write(create(ModelStreamInferResponseSchema, { errorMessage: refusal }))
      call.end()
      return
    }
    this.counts.running++
    const over = this.#countOnce(call)
    if (this.settings.firstMs > 0) return
    const begun = prompt.split('<|im_start|>assistant\n').at(-1) ?? ''
    const wide = fault === 'split-utf8'
    const whole = piecesOf(prompt.slice(0, prompt.length - begun.length), tokens, wide)
    const all =
      whole
        .join('')
        .slice(begun.length)
        .match(/[^;]*;/g) ?? []
    const limit = limitOf(request)
    const pieces = all.slice(0, fault === 'none' || wide ? limit : Math.min(after, limit))
    for (const piece of pieces) this.#write(call, request, Buffer.from(piece), wide)
    if (fault === 'stall') return
    if (fault === 'reset') {
      setImmediate(() => call.emit('error', { code: status.UNAVAILABLE, details: 'stub' }))
      return
    }
    if (fault !== 'cut') call.write(finalOf(request, all.length > limit ? 'length' : 'stop'))
    call.end()
    over('completed')
  }

  #refusal(prompt: string, maxInput: number): string | undefined {
    const { fault } = this.settings
    if (maxInput > 0 && prompt.length / 4 > maxInput) {
      return `Prompt length (${prompt.length}) exceeds maximum input length (${maxInput})`
    }
    if (fault === 'rate-limit') return '[request id: 1] Exceeds maximum queue size'
    return fault === 'error' ? 'in ensemble: something broke' : undefined
  }

  /** Wide characters are cut in their bytes, as a detokenizer without memory does it. */
  #write(call: Call, request: ModelInferRequest, bytes: Buffer, cut: boolean): void {
    this.counts.tokens++
    const parts = cut ? [...bytes].map((byte) => Buffer.of(byte)) : [bytes]
    for (const [at, part] of parts.entries())
      call.write(responseOf(textOutput(request, part, at === 0 ? 1 : 0)))
  }

  #countOnce(call: Call): (how: 'completed' | 'cancelled') => void {
    let done = false
    const over = (how: 'completed' | 'cancelled') => {
      if (done) return
      done = true
      this.counts.running--
      if (how === 'completed') this.counts.completed++
      else this.counts.cancelledAfterFirst++
      this.counts.changed()
    }
    call.on('cancelled', () => over('cancelled'))
    call.on('close', () => over('cancelled'))
    return over
  }
}

function inputOf(request: ModelInferRequest, name: string) {
  return request.inputs.find((input) => input.name === name)?.contents
}

function limitOf(request: ModelInferRequest): number {
  const own = inputOf(request, 'max_tokens')?.intContents[0]
  const sampling = Buffer.concat(inputOf(request, 'sampling_parameters')?.bytesContents ?? []).toString()
  const given: unknown = sampling === '' ? {} : JSON.parse(sampling).max_tokens
  return own ?? (typeof given === 'number' ? given : Number.POSITIVE_INFINITY)
}

/** Triton's strings: four bytes of length before each. */
function rawString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}

function rawNumber(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function textOutput(request: ModelInferRequest, bytes: Uint8Array, tokens: number): Partial<Parts> {
  const names = request.outputs.map(({ name }) => name)
  const raw: Readonly<Record<string, Buffer>> = {
    text_output: rawString(bytes),
    finish_reason: rawString(Buffer.from('None')),
    num_input_tokens: rawNumber(7),
    num_output_tokens: rawNumber(tokens),
  }
  return outputsOf(names, raw)
}

function outputsOf(names: readonly string[], raw: Readonly<Record<string, Buffer>>): Partial<Parts> {
  return {
    outputs: names.map((name) => ({
      $typeName: 'inference.ModelInferResponse.InferOutputTensor',
      name,
      datatype: name.startsWith('num') ? 'UINT32' : 'BYTES',
      shape: [1n],
      parameters: {},
    })),
    rawOutputContents: names.map((name) => raw[name] ?? Buffer.alloc(0)),
  }
}

function responseOf(parts: Partial<Parts>): ModelStreamInferResponse {
  return create(ModelStreamInferResponseSchema, {
    inferResponse: create(ModelInferResponseSchema, { modelName: TRITON_MODEL, ...parts }),
  })
}

/** The last response: empty but for the reason, as Triton sends it to who asks for it. */
function finalOf(request: ModelInferRequest, reason: string): ModelStreamInferResponse {
  const says = request.outputs.some(({ name }) => name === 'finish_reason')
  const parts = says ? outputsOf(['finish_reason'], { finish_reason: rawString(Buffer.from(reason)) }) : {}
  return responseOf({
    ...parts,
    parameters: {
      triton_final_response: {
        $typeName: 'inference.InferParameter',
        parameterChoice: { case: 'boolParam', value: true },
      },
    },
  })
}
