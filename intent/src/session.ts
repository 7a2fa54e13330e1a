import './no-telemetry.js'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import type { Features } from './featurizer.js'
import { INPUT_IDS, INPUT_WEIGHTS, OUTPUT } from './onnx/names.js'

// This file is all that a serving thread loads of this package, so that the thread stays small: it imports nothing
// but the runtime, and throws the runtime's own errors.

// One thread: a run takes tens of microseconds. No arena and no pattern: they hold memory that one text never needs.
const OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  enableCpuMemArena: false,
  enableMemPattern: false,
  logSeverityLevel: 3,
}
const MAX_ROWS = 64
// Rows times padded width of one run.
const MAX_CELLS = 16_384

/** The network of a hashed model in the ONNX runtime. `run` blocks the thread. Only for files that were inspected. */
export class NetworkSession {
  readonly #session: InferenceSession
  #closing: Promise<void> | undefined

  private constructor(session: InferenceSession) {
    this.#session = session
  }

  static async open(onnx: Uint8Array): Promise<NetworkSession> {
    return new NetworkSession(await InferenceSession.create(onnx, OPTIONS))
  }

  /** Probabilities per text, in order; texts go through the network together as far as their padding allows. */
  async run(texts: readonly Features[]): Promise<Float32Array[]> {
    const out: Float32Array[] = []
    let rows: Features[] = []
    let width = 0
    for (const features of texts) {
      const wider = Math.max(width, features.weights.length)
      if (rows.length === MAX_ROWS || (rows.length > 0 && (rows.length + 1) * wider > MAX_CELLS)) {
        out.push(...(await this.#runTogether(rows, width)))
        rows = []
        width = 0
      }
      rows.push(features)
      width = Math.max(width, features.weights.length)
    }
    if (rows.length > 0) out.push(...(await this.#runTogether(rows, width)))
    return out
  }

  async #runTogether(rows: readonly Features[], width: number): Promise<Float32Array[]> {
    const members = Math.max(...rows.map(({ ids, weights }) => ids.length / Math.max(1, weights.length)))
    const ids = new Int32Array(rows.length * members * width)
    const weights = new Float32Array(rows.length * width)
    for (const [row, features] of rows.entries()) {
      const { length } = features.weights
      for (let member = 0; member < members; member++) {
        const own = features.ids.subarray(member * length, (member + 1) * length)
        ids.set(own, (row * members + member) * width)
      }
      weights.set(features.weights, row * width)
    }
    const output = await this.#session.run({
      [INPUT_IDS]: new Tensor('int32', ids, [rows.length, members, width]),
      [INPUT_WEIGHTS]: new Tensor('float32', weights, [rows.length, width]),
    })
    const data = output[OUTPUT]?.data
    if (!(data instanceof Float32Array)) throw new Error('the network gave no probabilities')
    const classes = data.length / rows.length
    return rows.map((_, row) => data.slice(row * classes, (row + 1) * classes))
  }

  /** Frees the session; idempotent. Not while a run is under way. */
  close(): Promise<void> {
    this.#closing ??= this.#session.release()
    return this.#closing
  }
}
