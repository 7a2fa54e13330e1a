import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { YizhanError } from '@yizhan/kernel'
import { seededRandom } from '../random.js'
import { smallModel } from '../testing/small-tenant.js'
import { encodeOnnx } from './encode.js'
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from './gen/onnx_pb.js'
import { FIELD, type OnnxModel, type OnnxNode, type OnnxTensor } from './graph.js'
import { assertHashedGraph, hashedGraph, writeOnnx } from './hashed-graph.js'
import { DEFAULT_ONNX_LIMITS, inspectOnnx } from './inspect.js'

const refused = (error: unknown) => error instanceof YizhanError && error.code === 'invalid_argument'

const TINY = hashedGraph({
  members: 2,
  buckets: 256,
  dim: 2,
  classes: 2,
  embedding: new Int8Array(1024),
  scales: new Float32Array(512),
  head: new Float32Array(8),
  bias: new Float32Array(2),
  linear: { table: new Int8Array(512), scales: new Float32Array(256) },
})
const size = { members: 2, buckets: 256, dim: 2, classes: 2, linear: true }

function withNode(node: Partial<OnnxNode>): OnnxModel {
  const [first, ...rest] = TINY.nodes
  return { ...TINY, nodes: first ? [{ ...first, ...node }, ...rest] : [] }
}

function withTensor(tensor: Partial<OnnxTensor>): OnnxModel {
  const [first, ...rest] = TINY.initializers
  return { ...TINY, initializers: first ? [{ ...first, ...tensor }, ...rest] : [] }
}

/** The tiny model with one more field at the end of the message. */
function withField(write: (out: BinaryWriter) => void): Uint8Array {
  const out = new BinaryWriter()
  write(out)
  return Buffer.concat([encodeOnnx(TINY), out.finish()])
}

/** A model whose graph has one more field. */
function withGraphField(write: (graph: BinaryWriter) => void): Uint8Array {
  const out = new BinaryWriter()
  out.tag(FIELD.model.irVersion, WireType.Varint).int64(8)
  out.tag(FIELD.model.graph, WireType.LengthDelimited).fork()
  write(out)
  out.join()
  out.tag(FIELD.model.opset, WireType.LengthDelimited).fork()
  out.tag(FIELD.opset.version, WireType.Varint).int64(17)
  out.join()
  return out.finish()
}

function message(out: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  out.tag(field, WireType.LengthDelimited).fork()
  write(out)
  out.join()
}

test('a file that is no model, or a part of one, is refused', () => {
  const whole = encodeOnnx(TINY)
  assert.throws(() => inspectOnnx(new Uint8Array()), refused)
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => inspectOnnx(whole.subarray(0, length)), refused, `${length} bytes`)
  }
  assert.throws(() => inspectOnnx(Buffer.from('<html>not found</html>')), refused)
  assert.throws(() => inspectOnnx(Buffer.alloc(4096, 0xff)), refused)
})

test('bytes that were changed at random are refused or still the same graph, never another error', () => {
  const whole = encodeOnnx(TINY)
  const random = seededRandom(7)
  for (let round = 0; round < 3000; round++) {
    const changed = Buffer.from(whole)
    for (let i = 0; i < 3; i++) changed[Math.floor(random() * changed.length)] = Math.floor(random() * 256)
    try {
      assertHashedGraph(inspectOnnx(changed), size)
    } catch (error) {
      assert.ok(refused(error), String(error))
    }
  }
})

test('loops, conditions and scans are refused, and so is any operator off the list', () => {
  for (const operator of [
    'Loop',
    'If',
    'Scan',
    'Expand',
    'Tile',
    'Range',
    'ConstantOfShape',
    'gather',
    '',
    '\u0000',
  ]) {
    assert.throws(() => inspectOnnx(encodeOnnx(withNode({ operator }))), refused, operator)
  }
})

test('an attribute that holds a subgraph is refused', () => {
  const bytes = withGraphField((graph) => {
    message(graph, FIELD.graph.node, (node) => {
      node.tag(FIELD.node.operator, WireType.LengthDelimited).string('Add')
      message(node, FIELD.node.attribute, (attribute) => {
        attribute.tag(FIELD.attribute.name, WireType.LengthDelimited).string('body')
        message(attribute, 6, (inner) =>
          inner.tag(FIELD.graph.name, WireType.LengthDelimited).string('inner'),
        )
        attribute.tag(FIELD.attribute.type, WireType.Varint).int64(5)
      })
    })
  })
  assert.throws(() => inspectOnnx(bytes), refused)
})

test('functions, training information and foreign domains are refused', () => {
  assert.throws(
    () => inspectOnnx(withField((out) => out.tag(25, WireType.LengthDelimited).string(''))),
    refused,
  )
  assert.throws(
    () => inspectOnnx(withField((out) => out.tag(20, WireType.LengthDelimited).string(''))),
    refused,
  )
  const domain = withGraphField((graph) => {
    message(graph, FIELD.graph.node, (node) => {
      node.tag(FIELD.node.operator, WireType.LengthDelimited).string('Add')
      node.tag(FIELD.node.domain, WireType.LengthDelimited).string('com.microsoft')
    })
  })
  assert.throws(() => inspectOnnx(domain), refused)
})

test('external data and sparse data are refused', () => {
  const external = withGraphField((graph) => {
    message(graph, FIELD.graph.initializer, (tensor) => {
      tensor.tag(FIELD.tensor.dims, WireType.Varint).int64(1)
      tensor.tag(FIELD.tensor.dataType, WireType.Varint).int64(1)
      message(tensor, 13, (entry) => {
        entry.tag(1, WireType.LengthDelimited).string('location')
        entry.tag(2, WireType.LengthDelimited).string('../../etc/passwd')
      })
      tensor.tag(14, WireType.Varint).int64(1)
    })
  })
  assert.throws(() => inspectOnnx(external), refused)
  assert.throws(() => inspectOnnx(withGraphField((graph) => message(graph, 15, () => {}))), refused)
})

test('a second graph, which a runtime would merge into the first, is refused', () => {
  const bytes = withField((out) => message(out, FIELD.model.graph, () => {}))
  assert.throws(() => inspectOnnx(bytes), refused)
})

test('sizes that are a lie or too large are refused before anything is allocated', () => {
  const raw = new Uint8Array(16)
  for (const dims of [
    [1 << 30, 1 << 30],
    [-1, -16],
    [Number.MAX_SAFE_INTEGER],
    [5],
    [0],
    Array(20).fill(1),
  ]) {
    assert.throws(() => inspectOnnx(encodeOnnx(withTensor({ dims, raw }))), refused, `${dims}`)
  }
  const bytes = encodeOnnx(TINY)
  assert.throws(() => inspectOnnx(bytes, { ...DEFAULT_ONNX_LIMITS, maxBytes: bytes.length - 1 }), refused)
  assert.throws(() => inspectOnnx(bytes, { ...DEFAULT_ONNX_LIMITS, maxNodes: 8 }), refused)
  assert.throws(() => inspectOnnx(bytes, { ...DEFAULT_ONNX_LIMITS, maxElements: 511 }), refused)
  assert.throws(() => inspectOnnx(encodeOnnx(withNode({ inputs: Array(100).fill('x') }))), refused)
  assert.throws(() => inspectOnnx(encodeOnnx(withNode({ inputs: ['x'.repeat(300)] }))), refused)
})

test('other versions of the format are refused', () => {
  for (const change of [{ irVersion: 3 }, { irVersion: 99 }, { opset: 1 }, { opset: 99 }]) {
    assert.throws(() => inspectOnnx(encodeOnnx({ ...TINY, ...change })), refused)
  }
})

test('what was written is read back as it was', async () => {
  const { network } = await smallModel()
  const read = inspectOnnx(writeOnnx({ network }))
  const written = hashedGraph(network)
  assert.deepEqual({ ...read, initializers: [] }, { ...written, initializers: [] })
  for (const [i, tensor] of read.initializers.entries()) {
    const original = written.initializers[i]
    assert.deepEqual({ ...tensor, raw: [] }, { ...original, raw: [] })
    assert.ok(original && Buffer.from(tensor.raw).equals(original.raw))
  }
})

test('only the graph of a hashed model of the stated sizes is served', () => {
  assertHashedGraph(inspectOnnx(encodeOnnx(TINY)), size)
  assert.throws(() => assertHashedGraph(TINY, { ...size, dim: 3 }), refused)
  assert.throws(() => assertHashedGraph(TINY, { ...size, classes: 3 }), refused)
  assert.throws(() => assertHashedGraph(TINY, { ...size, members: 1 }), refused)
  assert.throws(() => assertHashedGraph(TINY, { ...size, linear: false }), refused)
  assert.throws(() => assertHashedGraph({ ...TINY, nodes: TINY.nodes.slice(1) }, size), refused)
  assert.throws(() => assertHashedGraph(withNode({ inputs: ['embedding', 'weights'] }), size), refused)
  assert.throws(() => assertHashedGraph({ ...TINY, nodes: [...TINY.nodes, ...TINY.nodes] }, size), refused)
})

test('numbers that are not finite, and another axis, are refused', () => {
  const poisoned = (name: string, raw: Uint8Array) => ({
    ...TINY,
    initializers: TINY.initializers.map((tensor) => (tensor.name === name ? { ...tensor, raw } : tensor)),
  })
  const bias = new Uint8Array(Float32Array.of(0, Number.NaN).buffer)
  assert.throws(() => assertHashedGraph(poisoned('bias', bias), size), refused)
  const head = new Uint8Array(Float32Array.of(0, 0, Number.POSITIVE_INFINITY, 0, 0, 0, 0, 0).buffer)
  assert.throws(() => assertHashedGraph(poisoned('head', head), size), refused)
  const axis = new Uint8Array(BigInt64Array.of(0n).buffer)
  for (const name of ['axis1', 'axis2']) {
    assert.throws(() => assertHashedGraph(poisoned(name, axis), size), refused)
  }
})

test('the field numbers that the inspection allows are those of the schema that writes', () => {
  const messages = {
    model: ModelProtoSchema,
    opset: OperatorSetIdProtoSchema,
    graph: GraphProtoSchema,
    node: NodeProtoSchema,
    attribute: AttributeProtoSchema,
    tensor: TensorProtoSchema,
    value: ValueInfoProtoSchema,
    type: TypeProtoSchema,
    tensorType: TypeProto_TensorSchema,
    shape: TensorShapeProtoSchema,
    dim: TensorShapeProto_DimensionSchema,
  }
  for (const [name, schema] of Object.entries(messages)) {
    assert.deepEqual(
      Object.values(FIELD[name as keyof typeof messages]).sort((a, b) => a - b),
      schema.fields.map(({ number }) => number).sort((a, b) => a - b),
      name,
    )
  }
})
