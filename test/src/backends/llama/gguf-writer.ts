// GGUF 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, as far as a small float model needs it.

const ALIGNMENT = 32
const F32 = 0

export type GgufValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly floats: readonly number[] }
  | { readonly ints: readonly number[] }

export interface GgufTensor {
  readonly name: string
  /** The length of a row comes first. */
  readonly dims: readonly number[]
  readonly data: Float32Array
}

/** A model file of these metadata and tensors. */
export function writeGguf(
  metadata: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Buffer {
  const keys = Object.entries(metadata)
  const parts: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(keys.length)]
  for (const [key, value] of keys) parts.push(text(key), bytesOf(value))
  let offset = 0
  for (const { name, dims, data } of tensors) {
    parts.push(text(name), u32(dims.length), ...dims.map(u64), u32(F32), u64(offset))
    offset = aligned(offset + data.byteLength)
  }
  pad(parts)
  for (const { data } of tensors) {
    parts.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
    pad(parts)
  }
  return Buffer.concat(parts)
}

const TYPES = { u32: 4, i32: 5, f32: 6, text: 8, list: 9 }

function bytesOf(value: GgufValue): Buffer {
  if ('u32' in value) return Buffer.concat([u32(TYPES.u32), u32(value.u32)])
  if ('f32' in value) return Buffer.concat([u32(TYPES.f32), f32(value.f32)])
  if ('text' in value) return Buffer.concat([u32(TYPES.text), text(value.text)])
  if ('texts' in value) return listOf(TYPES.text, value.texts.map(text))
  if ('floats' in value) return listOf(TYPES.f32, value.floats.map(f32))
  return listOf(TYPES.i32, value.ints.map(u32))
}

function listOf(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(TYPES.list), u32(type), u64(items.length), ...items])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT
}

function pad(parts: Buffer[]): void {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  parts.push(Buffer.alloc(aligned(length) - length))
}
