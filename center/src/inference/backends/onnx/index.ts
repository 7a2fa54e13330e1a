import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { checkEncoderFiles, type NetworkKind } from '@yizhan/intent'
import { type Clock, YizhanError } from '@yizhan/kernel'
import type { Embedder, Reranker } from '../../port.js'
import { estimateTokens } from '../../token-estimate.js'
import type { BackendKind } from '../kind.js'
import { unitVector } from '../unit-vector.js'
import { CagedNetwork } from './caged-network.js'
import { OnnxSettings } from './settings.js'

/** A model goes to its process in one piece; for larger ones an embeddings endpoint is the place. */
const LIMITS = { modelBytes: 400 * 1024 * 1024, tokenizerBytes: 32 * 1024 * 1024 }

/** Encoders for vectors and ranks, in processes under limits: such a file may be anybody's. */
export const onnxKind: BackendKind<OnnxSettings> = {
  settings: OnnxSettings,
  async open({ clock }, name, settings, signal) {
    const { embedding, rerank } = settings
    if (!embedding && !rerank) {
      throw new YizhanError('config_invalid', 'a backend of kind onnx needs embedding or rerank')
    }
    const networks: CagedNetwork[] = []
    const close = async () => {
      for (const network of networks) await network.close()
    }
    const start = async (file: string, tokenizer: string, kind: Partial<EncoderKind>) => {
      const network = await load(clock, settings, { file, tokenizer }, kind)
      networks.push(network)
      await network.open()
      return network
    }
    try {
      const open: { embedder?: Embedder; reranker?: Reranker } = {}
      if (embedding) {
        const { file, tokenizer, pooling, maxTokens } = embedding
        const network = await start(file, tokenizer, { pooling, maxTokens })
        open.embedder = await embedderOf(network, name, file, signal)
      }
      if (rerank) {
        const { file, tokenizer, maxTokens } = rerank
        const network = await start(file, tokenizer, { maxTokens, scores: true })
        open.reranker = rerankerOf(network, name)
        // Whether it gives one number is seen now, not at the first question.
        await open.reranker.score('?', ['.'], signal)
      }
      return { ...open, close }
    } catch (thrown) {
      await close()
      throw refusalIn(thrown)
    }
  },
}

/** What a first run fails of, fails always. */
function refusalIn(thrown: unknown): unknown {
  const cause = thrown instanceof YizhanError ? thrown.cause : undefined
  return cause instanceof YizhanError && cause.code === 'model_refused' ? cause : thrown
}

type EncoderKind = Extract<NetworkKind, { kind: 'encoder' }>

async function load(
  clock: Clock,
  settings: OnnxSettings,
  paths: { readonly file: string; readonly tokenizer: string },
  kind: Partial<EncoderKind>,
): Promise<CagedNetwork> {
  const onnx = await fileAt(paths.file, LIMITS.modelBytes)
  const tokenizer = checkEncoderFiles(onnx, await fileAt(paths.tokenizer, LIMITS.tokenizerBytes), LIMITS)
  const { threads, device } = settings
  const network: EncoderKind = {
    kind: 'encoder',
    tokenizer,
    pooling: 'mean',
    maxTokens: 512,
    threads,
    device,
    ...kind,
  }
  return new CagedNetwork(clock, { network, onnx }, settings)
}

async function fileAt(path: string, maxBytes: number): Promise<Uint8Array> {
  let size: number
  try {
    size = (await stat(path)).size
    if (size <= maxBytes) return await readFile(path)
  } catch (thrown) {
    throw new YizhanError('not_found', `a file of the backend cannot be read: ${basename(path)}`, {
      cause: thrown,
    })
  }
  throw new YizhanError('too_large', `${basename(path)} has more than ${maxBytes} bytes`, {
    details: { size },
  })
}

async function embedderOf(
  network: CagedNetwork,
  name: string,
  file: string,
  signal: AbortSignal,
): Promise<Embedder> {
  const [probe] = await network.rows(['.'], signal)
  return {
    name,
    model: basename(file, '.onnx'),
    dimensions: probe?.length ?? 0,
    async embed(texts, asked) {
      const rows = await network.rows(texts, asked)
      return { vectors: rows.map(unitVector), tokens: estimateTokens(texts.join('\n')) }
    },
  }
}

function rerankerOf(network: CagedNetwork, name: string): Reranker {
  return {
    name,
    async score(question, texts, signal) {
      const rows = await network.rows(
        texts.map((text) => ({ first: question, second: text })),
        signal,
      )
      return rows.map(([score = Number.NaN]) => score)
    },
  }
}
