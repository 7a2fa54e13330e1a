import { YizhanError } from '@yizhan/kernel'
import {
  ATTRIBUTE_TYPE,
  ELEMENT,
  elementOf,
  FIELD,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './graph.js'
import { bytesOf, nameOf, numberOf, readMessage, refuse, type WireField } from './wire-reader.js'

export interface OnnxLimits {
  readonly maxBytes: number
  readonly maxNodes: number
  /** Elements of one initializer. */
  readonly maxElements: number
  readonly operators: ReadonlySet<string>
}

/** What a hashed intent model needs. None of these operators loops, allocates beyond its inputs' shapes or reads files. */
export const DEFAULT_ONNX_LIMITS: OnnxLimits = {
  maxBytes: 32 * 1024 * 1024,
  maxNodes: 64,
  maxElements: 32 * 1024 * 1024,
  operators: new Set([
    'Add',
    'Cast',
    'Flatten',
    'Gather',
    'Gemm',
    'MatMul',
    'Mul',
    'ReduceSum',
    'Softmax',
    'Squeeze',
    'Unsqueeze',
  ]),
}

const MAX_RANK = 8
const MAX_VALUES = 64
const OPSETS = { from: 13, to: 21 }
const IR_VERSIONS = { from: 7, to: 10 }

/**
 * Parses an ONNX file from outside before anything runs it; tensors share memory with `bytes`. Throws
 * `invalid_argument` on whatever is malformed, not on the allow-list or over a limit.
 */
export function inspectOnnx(bytes: Uint8Array, limits: OnnxLimits = DEFAULT_ONNX_LIMITS): OnnxModel {
  if (bytes.length > limits.maxBytes) throw refuse(`it has more than ${limits.maxBytes} bytes`)
  try {
    return readModel(bytes, limits)
  } catch (thrown) {
    if (thrown instanceof YizhanError) throw thrown
    throw new YizhanError('invalid_argument', 'the ONNX model is refused: it is malformed', { cause: thrown })
  }
}

const BYTES: WireField = { wire: 'bytes' }
const MANY_BYTES: WireField = { wire: 'bytes', repeated: true }
const INT: WireField = { wire: 'varint' }
const MANY_INTS: WireField = { wire: 'varint', repeated: true }
const FLOAT: WireField = { wire: 'fixed32' }

const MODEL = new Map([
  [FIELD.model.irVersion, INT],
  [FIELD.model.producerName, BYTES],
  [FIELD.model.producerVersion, BYTES],
  [FIELD.model.modelVersion, INT],
  [FIELD.model.docString, BYTES],
  [FIELD.model.graph, BYTES],
  // One operator set only: repeated in the schema, once here, so that no foreign domain comes along.
  [FIELD.model.opset, BYTES],
])
const OPSET = new Map([
  [FIELD.opset.domain, BYTES],
  [FIELD.opset.version, INT],
])
const GRAPH = new Map([
  [FIELD.graph.node, MANY_BYTES],
  [FIELD.graph.name, BYTES],
  [FIELD.graph.initializer, MANY_BYTES],
  [FIELD.graph.docString, BYTES],
  [FIELD.graph.input, MANY_BYTES],
  [FIELD.graph.output, MANY_BYTES],
])
const NODE = new Map([
  [FIELD.node.input, MANY_BYTES],
  [FIELD.node.output, MANY_BYTES],
  [FIELD.node.name, BYTES],
  [FIELD.node.operator, BYTES],
  [FIELD.node.attribute, MANY_BYTES],
  [FIELD.node.docString, BYTES],
  [FIELD.node.domain, BYTES],
])
const ATTRIBUTE = new Map([
  [FIELD.attribute.name, BYTES],
  [FIELD.attribute.f, FLOAT],
  [FIELD.attribute.i, INT],
  [FIELD.attribute.ints, MANY_INTS],
  [FIELD.attribute.docString, BYTES],
  [FIELD.attribute.type, INT],
])
const TENSOR = new Map([
  [FIELD.tensor.dims, MANY_INTS],
  [FIELD.tensor.dataType, INT],
  [FIELD.tensor.name, BYTES],
  [FIELD.tensor.rawData, BYTES],
  [FIELD.tensor.docString, BYTES],
])
const VALUE = new Map([
  [FIELD.value.name, BYTES],
  [FIELD.value.type, BYTES],
  [FIELD.value.docString, BYTES],
])
const TYPE = new Map([[FIELD.type.tensor, BYTES]])
const TENSOR_TYPE = new Map([
  [FIELD.tensorType.element, INT],
  [FIELD.tensorType.shape, BYTES],
])
const SHAPE = new Map([[FIELD.shape.dim, MANY_BYTES]])
const DIM = new Map([
  [FIELD.dim.value, INT],
  [FIELD.dim.param, BYTES],
])

function readModel(bytes: Uint8Array, limits: OnnxLimits): OnnxModel {
  let irVersion = 0
  let opset = 0
  let graph: Uint8Array | undefined
  readMessage(bytes, 'the model', MODEL, (field, value) => {
    if (field === FIELD.model.irVersion) irVersion = numberOf(value)
    else if (field === FIELD.model.graph) graph = bytesOf(value)
    else if (field === FIELD.model.opset) opset = readOpset(bytesOf(value))
  })
  if (irVersion < IR_VERSIONS.from || irVersion > IR_VERSIONS.to)
    throw refuse('its IR version is not supported')
  if (opset < OPSETS.from || opset > OPSETS.to) throw refuse('its operator set is not supported')
  if (!graph) throw refuse('it has no graph')
  return { irVersion, opset, ...readGraph(graph, limits) }
}

function readOpset(bytes: Uint8Array): number {
  let version = 0
  readMessage(bytes, 'an operator set', OPSET, (field, value) => {
    if (field === FIELD.opset.version) version = numberOf(value)
    else if (bytesOf(value).length > 0) throw refuse('it uses operators of a foreign domain')
  })
  return version
}

function readGraph(bytes: Uint8Array, limits: OnnxLimits): Omit<OnnxModel, 'irVersion' | 'opset'> {
  const inputs: OnnxValue[] = []
  const outputs: OnnxValue[] = []
  const initializers: OnnxTensor[] = []
  const nodes: OnnxNode[] = []
  const bounded = <T>(list: T[], max: number, item: () => T, what: string) => {
    if (list.length >= max) throw refuse(`it has more than ${max} ${what}`)
    list.push(item())
  }
  readMessage(bytes, 'the graph', GRAPH, (field, value) => {
    const inner = bytesOf(value)
    if (field === FIELD.graph.node) bounded(nodes, limits.maxNodes, () => readNode(inner, limits), 'nodes')
    else if (field === FIELD.graph.initializer) {
      bounded(initializers, MAX_VALUES, () => readTensor(inner, limits), 'initializers')
    } else if (field === FIELD.graph.input) bounded(inputs, MAX_VALUES, () => readValueInfo(inner), 'inputs')
    else if (field === FIELD.graph.output) bounded(outputs, MAX_VALUES, () => readValueInfo(inner), 'outputs')
  })
  return { inputs, outputs, initializers, nodes }
}

function readNode(bytes: Uint8Array, limits: OnnxLimits): OnnxNode {
  let operator = ''
  const inputs: string[] = []
  const outputs: string[] = []
  const attributes: OnnxAttribute[] = []
  readMessage(bytes, 'a node', NODE, (field, value) => {
    if (field === FIELD.node.operator) operator = nameOf(value, 'an operator')
    else if (field === FIELD.node.input) inputs.push(nameOf(value, 'a node input'))
    else if (field === FIELD.node.output) outputs.push(nameOf(value, 'a node output'))
    else if (field === FIELD.node.attribute) attributes.push(readAttribute(bytesOf(value)))
    else if (field === FIELD.node.domain && bytesOf(value).length > 0) {
      throw refuse('it uses operators of a foreign domain')
    }
    if (inputs.length + outputs.length + attributes.length > MAX_VALUES) throw refuse('a node is too wide')
  })
  if (!limits.operators.has(operator)) throw refuse('it uses an operator that is not allowed')
  return { operator, inputs, outputs, attributes }
}

function readAttribute(bytes: Uint8Array): OnnxAttribute {
  let name = ''
  let type = 0
  let float = 0
  let int = 0
  const ints: number[] = []
  readMessage(bytes, 'an attribute', ATTRIBUTE, (field, value) => {
    if (field === FIELD.attribute.name) name = nameOf(value, 'an attribute name')
    else if (field === FIELD.attribute.type) type = numberOf(value)
    else if (field === FIELD.attribute.f) float = numberOf(value)
    else if (field === FIELD.attribute.i) int = numberOf(value)
    else if (field === FIELD.attribute.ints && ints.push(numberOf(value)) > MAX_VALUES) {
      throw refuse('an attribute is too long')
    }
  })
  switch (type) {
    case ATTRIBUTE_TYPE.float:
      return { name, kind: 'float', value: float }
    case ATTRIBUTE_TYPE.int:
      return { name, kind: 'int', value: int }
    case ATTRIBUTE_TYPE.ints:
      return { name, kind: 'ints', value: ints }
    default:
      throw refuse('an attribute is of a kind that is not allowed')
  }
}

function readTensor(bytes: Uint8Array, limits: OnnxLimits): OnnxTensor {
  let name = ''
  let code = 0
  let raw: Uint8Array = new Uint8Array()
  const dims: number[] = []
  readMessage(bytes, 'an initializer', TENSOR, (field, value) => {
    if (field === FIELD.tensor.name) name = nameOf(value, 'an initializer name')
    else if (field === FIELD.tensor.dataType) code = numberOf(value)
    else if (field === FIELD.tensor.rawData) raw = bytesOf(value)
    else if (field === FIELD.tensor.dims && dims.push(numberOf(value)) > MAX_RANK) {
      throw refuse('an initializer has too many dimensions')
    }
  })
  const element = elementOf(code)
  if (!element) throw refuse('an initializer is of a type that is not allowed')
  let elements = 1
  for (const dim of dims) {
    elements *= dim
    if (dim < 0 || elements > limits.maxElements) throw refuse('an initializer is too large')
  }
  if (raw.length !== elements * ELEMENT[element].bytes)
    throw refuse('an initializer has not the size that it states')
  return { name, element, dims, raw }
}

function readValueInfo(bytes: Uint8Array): OnnxValue {
  let name = ''
  let type: Uint8Array | undefined
  let code = 0
  const dims: (number | string)[] = []
  readMessage(bytes, 'a value', VALUE, (field, value) => {
    if (field === FIELD.value.name) name = nameOf(value, 'a value name')
    else if (field === FIELD.value.type) type = bytesOf(value)
  })
  if (!type) throw refuse('a value has no type')
  readMessage(type, 'a type', TYPE, (_, tensor) => {
    readMessage(bytesOf(tensor), 'a tensor type', TENSOR_TYPE, (field, value) => {
      if (field === FIELD.tensorType.element) code = numberOf(value)
      else readMessage(bytesOf(value), 'a shape', SHAPE, (_field, dim) => dims.push(readDim(bytesOf(dim))))
      if (dims.length > MAX_RANK) throw refuse('a value has too many dimensions')
    })
  })
  const element = elementOf(code)
  if (!element) throw refuse('a value is of a type that is not allowed')
  return { name, element, dims }
}

function readDim(bytes: Uint8Array): number | string {
  let dim: number | string = ''
  readMessage(bytes, 'a dimension', DIM, (field, value) => {
    dim = field === FIELD.dim.value ? numberOf(value) : nameOf(value, 'a dimension name')
  })
  return dim
}
