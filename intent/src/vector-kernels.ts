import { YizhanError } from '@yizhan/kernel'

/** The part of the WebAssembly interface that is used: Node has it, its types and the language's do not. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Memory: new (size: { initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
  validate(bytes: Uint8Array): boolean
}
const wasm: WasmApi = Reflect.get(globalThis, 'WebAssembly')

/**
 * Sums over rows of 32-bit floats, four at a time: plain JavaScript does one, and training is nothing but such sums.
 * The module is put together here instruction by instruction, so there is no binary to trust.
 */
export interface VectorKernels {
  /** Everything that the kernels read and write lies here. */
  readonly memory: { readonly buffer: ArrayBuffer }
  /** Sum of a[i]·b[i]. Places and length in bytes, the length a multiple of 16 and not 0. */
  dot(a: number, b: number, bytes: number): number
  /** y[i] += factor·x[i]. */
  addScaled(y: number, x: number, factor: number, bytes: number): void
}

const PAGE = 65_536

const I32 = 0x7f
const F32 = 0x7d
const V128 = 0x7b
const EMPTY = 0x40

const get = (local: number) => [0x20, local]
const set = (local: number) => [0x21, local]
const i32 = (value: number) => [0x41, value]
const I32_ADD = [0x6a]
const I32_LESS = [0x49]
const F32_ADD = [0x92]
const simd = (code: number) => [0xfd, ...unsigned(code)]
const LOAD = [...simd(0x00), 0, 0]
const STORE = [...simd(0x0b), 0, 0]
const SPLAT = simd(0x13)
const lane = (index: number) => [...simd(0x1f), index]
const ADD = simd(0xe4)
const MUL = simd(0xe6)
const loop = (body: readonly number[]) => [0x03, EMPTY, ...body, 0x0b]
const againIf = (condition: readonly number[]) => [...condition, 0x0d, 0]
const advance = (local: number) => [...get(local), ...i32(16), ...I32_ADD, ...set(local)]

// Locals: a, b, bytes, end, sum.
const DOT = func(
  [
    [1, I32],
    [1, V128],
  ],
  [
    ...[...get(0), ...get(2), ...I32_ADD, ...set(3)],
    ...loop([
      ...[...get(4), ...get(0), ...LOAD, ...get(1), ...LOAD, ...MUL, ...ADD, ...set(4)],
      ...[...advance(0), ...advance(1)],
      ...againIf([...get(0), ...get(3), ...I32_LESS]),
    ]),
    ...[...get(4), ...lane(0), ...get(4), ...lane(1), ...F32_ADD],
    ...[...get(4), ...lane(2), ...get(4), ...lane(3), ...F32_ADD, ...F32_ADD],
  ],
)
// Locals: y, x, factor, bytes, end, factors.
const ADD_SCALED = func(
  [
    [1, I32],
    [1, V128],
  ],
  [
    ...[...get(2), ...SPLAT, ...set(5)],
    ...[...get(0), ...get(3), ...I32_ADD, ...set(4)],
    ...loop([
      ...[...get(0), ...get(0), ...LOAD, ...get(1), ...LOAD, ...get(5), ...MUL, ...ADD, ...STORE],
      ...[...advance(0), ...advance(1)],
      ...againIf([...get(0), ...get(4), ...I32_LESS]),
    ]),
  ],
)

const MODULE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...section(1, [list([0x60, 3, I32, I32, I32, 1, F32]), list([0x60, 4, I32, I32, F32, I32, 0])]),
  ...section(2, [list([...name('env'), ...name('memory'), 0x02, 0x00, 0x01])]),
  ...section(3, [list([0]), list([1])]),
  ...section(7, [list([...name('dot'), 0x00, 0]), list([...name('addScaled'), 0x00, 1])]),
  ...section(10, [list(DOT), list(ADD_SCALED)]),
])

let compiled: object | undefined

/** Kernels over a memory of their own of at least `bytes`. Throws `unsupported` where the processor has no such instructions. */
export function createKernels(bytes: number): VectorKernels {
  if (!wasm.validate(MODULE)) {
    throw new YizhanError('unsupported', 'this processor has no 128-bit vectors, which training needs')
  }
  compiled ??= new wasm.Module(MODULE)
  const memory = new wasm.Memory({ initial: Math.ceil(bytes / PAGE) + 1 })
  const { exports } = new wasm.Instance(compiled, { env: { memory } })
  return { memory, dot: exports.dot, addScaled: exports.addScaled } as VectorKernels
}

/** Hands out pieces of a kernel's memory, one after the other. */
export class Arena {
  readonly #memory: VectorKernels['memory']
  #next = 0

  constructor(memory: VectorKernels['memory']) {
    this.#memory = memory
  }

  /** Zeroes; `values.byteOffset` is the place that kernels take. */
  floats(length: number): Float32Array {
    const values = new Float32Array(this.#memory.buffer, this.#next, length)
    this.#next += Math.ceil((length * 4) / 16) * 16
    return values
  }
}

function func(locals: readonly (readonly [number, number])[], body: readonly number[]): number[] {
  const code = [...unsigned(locals.length), ...locals.flat(), ...body, 0x0b]
  return [...unsigned(code.length), ...code]
}

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = [...unsigned(entries.length), ...entries.flat()]
  return [id, ...unsigned(content.length), ...content]
}

/** An entry of a section; a name of its own, so that the module reads as a list of lists. */
function list(entry: readonly number[]): readonly number[] {
  return entry
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)]
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}
