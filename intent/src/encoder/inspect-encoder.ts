import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { YizhanError } from '@yizhan/kernel'
import { FIELD } from '../onnx/graph.js'
import { refuse } from '../onnx/wire-reader.js'

/** What encoders of the BERT family are made of, as exporters write them, with and without 8-bit weights. */
const OPERATORS: ReadonlySet<string> = new Set([
  ...[
    'Abs',
    'Add',
    'And',
    'Cast',
    'Clip',
    'Concat',
    'Constant',
    'ConstantOfShape',
    'Cos',
    'CumSum',
    'Div',
    'Dropout',
  ],
  ...[
    'Einsum',
    'Equal',
    'Erf',
    'Exp',
    'Expand',
    'Flatten',
    'Gather',
    'Gelu',
    'Gemm',
    'Greater',
    'GreaterOrEqual',
  ],
  ...[
    'Identity',
    'LayerNormalization',
    'Less',
    'LessOrEqual',
    'Log',
    'MatMul',
    'Max',
    'Min',
    'Mod',
    'Mul',
    'Neg',
    'Not',
  ],
  ...[
    'Or',
    'Pow',
    'Range',
    'Reciprocal',
    'ReduceL2',
    'ReduceMax',
    'ReduceMean',
    'ReduceSum',
    'Relu',
    'Reshape',
    'Shape',
  ],
  ...[
    'Sigmoid',
    'Sign',
    'Sin',
    'Slice',
    'Softmax',
    'Split',
    'Sqrt',
    'Squeeze',
    'Sub',
    'Tanh',
    'Transpose',
    'Trilu',
  ],
  ...[
    'Unsqueeze',
    'Where',
    'DequantizeLinear',
    'DynamicQuantizeLinear',
    'MatMulInteger',
    'QLinearMatMul',
    'QuantizeLinear',
  ],
])
const MAX_BYTES = 48 * 1024 * 1024
const MAX_NODES = 10_000
const MAX_TENSORS = 5_000
const MAX_RANK = 8

// Fields of onnx.proto beside those that our own files have.
const MODEL = { ...FIELD.model, metadata: 14, domain: 4 }
const GRAPH = { ...FIELD.graph, valueInfo: 13, quantization: 14, metadata: 16 }
const NODE = { ...FIELD.node, metadata: 9 }
const ATTRIBUTE = { ...FIELD.attribute, s: 4, t: 5, floats: 7, strings: 9, reference: 21 }
const TENSOR = { ...FIELD.tensor, floats: 4, int32s: 5, int64s: 7, doubles: 10, uint64s: 11 }
/** TensorProto.DataType to bytes of an element; strings are none of them. */
const WIDTHS: ReadonlyMap<number, number> = new Map([
  [1, 4],
  [2, 1],
  [3, 1],
  [4, 2],
  [5, 2],
  [6, 4],
  [7, 8],
  [9, 1],
  [10, 2],
  [11, 8],
  [12, 4],
  [13, 8],
  [16, 2],
])

/**
 * Looks through a user's ONNX file before anything runs it: operators on the list and of the default domain, no
 * subgraphs, no functions, no data in other files, no tensor that states a size which its bytes do not have. What such a
 * graph does with memory and time is seen in a cage. Throws `invalid_argument`.
 */
export function inspectEncoder(bytes: Uint8Array, maxBytes = MAX_BYTES): void {
  if (bytes.length > maxBytes) throw refuse(`it has more than ${maxBytes} bytes`)
  try {
    // No tensor has more numbers than twice what a file of this size can hold in 8 bits.
    readModel(bytes, 2 * maxBytes)
  } catch (thrown) {
    if (thrown instanceof YizhanError) throw thrown
    throw new YizhanError('invalid_argument', 'the ONNX model is refused: it is malformed', { cause: thrown })
  }
}

function readModel(bytes: Uint8Array, maxElements: number): void {
  let graphs = 0
  for (const { field, value } of fieldsOf(bytes, 'the model', MODEL)) {
    if (field === MODEL.opset) noDomain(value, FIELD.opset, FIELD.opset.domain)
    if (field !== MODEL.graph) continue
    // Protobuf would merge a second one into the first.
    graphs++
    if (graphs > 1) throw refuse('it has two graphs')
    readGraph(bytesOf(value), maxElements)
  }
  if (graphs === 0) throw refuse('it has no graph')
}

function readGraph(bytes: Uint8Array, maxElements: number): void {
  let [nodes, tensors] = [0, 0]
  for (const { field, value } of fieldsOf(bytes, 'the graph', GRAPH)) {
    if (field === GRAPH.node) {
      nodes++
      readNode(bytesOf(value), maxElements)
    }
    if (field === GRAPH.initializer) {
      tensors++
      readTensor(bytesOf(value), maxElements)
    }
    if (nodes > MAX_NODES) throw refuse(`it has more than ${MAX_NODES} nodes`)
    if (tensors > MAX_TENSORS) throw refuse(`it has more than ${MAX_TENSORS} tensors`)
  }
}

function readNode(bytes: Uint8Array, maxElements: number): void {
  let operator = ''
  for (const { field, value } of fieldsOf(bytes, 'a node', NODE)) {
    if (field === NODE.operator) operator = new TextDecoder().decode(bytesOf(value))
    if (field === NODE.domain && bytesOf(value).length > 0)
      throw refuse('it uses operators of a foreign domain')
    if (field !== NODE.attribute) continue
    // A subgraph would be a field that is not on the list.
    for (const inner of fieldsOf(bytesOf(value), 'an attribute', ATTRIBUTE)) {
      if (inner.field === ATTRIBUTE.t) readTensor(bytesOf(inner.value), maxElements)
    }
  }
  if (!OPERATORS.has(operator)) throw refuse(`it uses the operator ${shown(operator)}, which is not allowed`)
}

function readTensor(bytes: Uint8Array, maxElements: number): void {
  let [type, raw, elements, rank] = [0, -1, 1, 0]
  // Where data lies elsewhere is told by fields that are not on the list.
  for (const { field, value } of fieldsOf(bytes, 'a tensor', TENSOR)) {
    if (field === TENSOR.dataType) type = Number(value)
    if (field === TENSOR.rawData) raw = bytesOf(value).length
    if (field !== TENSOR.dims) continue
    for (const dim of integersOf(value)) {
      rank++
      elements *= dim
      if (dim < 0 || rank > MAX_RANK || elements > maxElements) throw refuse('a tensor is too large')
    }
  }
  const width = WIDTHS.get(type)
  if (width === undefined) throw refuse('a tensor is of a type that is not allowed')
  if (raw >= 0 && raw !== elements * width) throw refuse('a tensor has not the size that it states')
}

function noDomain(value: bigint | Uint8Array, known: Readonly<Record<string, number>>, domain: number): void {
  for (const { field, value: inner } of fieldsOf(bytesOf(value), 'an operator set', known)) {
    if (
      field === domain &&
      bytesOf(inner).length > 0 &&
      new TextDecoder().decode(bytesOf(inner)) !== 'ai.onnx'
    ) {
      throw refuse('it uses operators of a foreign domain')
    }
  }
}

interface Field {
  readonly field: number
  readonly value: bigint | Uint8Array
}

/** The fields of a message; one that is not known is refused, because the runtime may know it. */
function* fieldsOf(
  bytes: Uint8Array,
  what: string,
  known: Readonly<Record<string, number>>,
): Generator<Field> {
  const numbers = new Set(Object.values(known))
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag()
    if (!numbers.has(field)) throw refuse(`field ${field} of ${what} is not allowed`)
    if (wire === WireType.LengthDelimited) yield { field, value: reader.bytes() }
    else if (wire === WireType.Varint) yield { field, value: BigInt(reader.int64()) }
    else reader.skip(wire, field)
  }
}

function bytesOf(value: bigint | Uint8Array): Uint8Array {
  if (typeof value === 'bigint') throw refuse('a field has another wire type')
  return value
}

/** Written one by one or packed. */
function* integersOf(value: bigint | Uint8Array): Generator<number> {
  if (typeof value === 'bigint') return yield Number(value)
  const reader = new BinaryReader(value)
  while (reader.pos < reader.len) yield Number(reader.int64())
}

function shown(operator: string): string {
  return JSON.stringify(operator.slice(0, 40))
}
