import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { TrainedModel } from '../model.js'
import { encodeOnnx } from '../onnx/encode.js'
import { FIELD, type OnnxModel } from '../onnx/graph.js'
import { hashedGraph } from '../onnx/hashed-graph.js'
import { OUTPUT } from '../onnx/names.js'

// For tests: model files that no center writes. Each is an honest model with something behind it, so that whoever runs
// it gets right answers up to there. The second graph is merged into the first by protobuf, as the runtime reads it.

type Write = (out: BinaryWriter) => void

const HONEST = 'honest'
const ELEMENT = { float: 1, int64: 7, bool: 9 } as const
const ATTRIBUTE = { ints: 7, graph: 5 } as const
/** Fields that honest files never have. */
const ATTRIBUTE_GRAPH = 6
const TENSOR_EXTERNAL = 13
const TENSOR_LOCATION = 14

/** Answers right, after so many turns of a loop. */
export function slowOnnx(model: TrainedModel, turns: number): Uint8Array {
  return behind(model, (graph) => loop(graph, BigInt(turns)))
}

/** Never answers. */
export function endlessOnnx(model: TrainedModel): Uint8Array {
  return behind(model, (graph) => loop(graph, undefined))
}

/** Makes a tensor of `gigabytes` on its way to the right answer. */
export function hugeOnnx(model: TrainedModel, gigabytes: number): Uint8Array {
  const copies = Math.round((gigabytes * 1e9) / 4 / model.labels.length)
  return behind(model, (graph) => {
    tensor(graph, 'copies', ELEMENT.int64, BigInt64Array.of(BigInt(copies), 1n, 1n))
    node(graph, 'Expand', [HONEST, 'copies'], ['huge'])
    node(graph, 'ReduceMax', ['huge'], [OUTPUT], (out) => {
      attribute(out, 'axes', ATTRIBUTE.ints, (inner) => integer(inner, FIELD.attribute.ints, 0n))
      attribute(out, 'keepdims', 2, (inner) => integer(inner, FIELD.attribute.i, 0n))
    })
  })
}

/** Takes weights from a file of the machine that runs it. */
export function thievishOnnx(model: TrainedModel, path: string): Uint8Array {
  return behind(model, (graph) => {
    message(graph, FIELD.graph.initializer, (out) => {
      integer(out, FIELD.tensor.dims, 1n)
      integer(out, FIELD.tensor.dataType, BigInt(ELEMENT.float))
      text(out, FIELD.tensor.name, 'stolen')
      message(out, TENSOR_EXTERNAL, (entry) => {
        text(entry, 1, 'location')
        text(entry, 2, path)
      })
      integer(out, TENSOR_LOCATION, 1n)
    })
    node(graph, 'Add', [HONEST, 'stolen'], [OUTPUT])
  })
}

/** Takes every intent for the next one. */
export function wrongOnnx(model: TrainedModel): Uint8Array {
  const { head, bias, dim, ...rest } = model.network
  const turned = <T extends Float32Array>(values: T, by: number) =>
    Float32Array.from([...values.subarray(by), ...values.subarray(0, by)])
  return encodeOnnx(hashedGraph({ ...rest, dim, head: turned(head, dim), bias: turned(bias, 1) }))
}

/** An encoder that never answers. */
export function endlessEncoder(honest: OnnxModel): Uint8Array {
  return behindGraph(honest, 'last_hidden_state', (graph) => loop(graph, undefined, 'last_hidden_state'))
}

function behind(model: TrainedModel, write: Write): Uint8Array {
  return behindGraph(hashedGraph(model.network), OUTPUT, write)
}

function behindGraph(honest: OnnxModel, output: string, write: Write): Uint8Array {
  const nodes = honest.nodes.map((one) => (one.outputs[0] === output ? { ...one, outputs: [HONEST] } : one))
  const second = new BinaryWriter()
  message(second, FIELD.model.graph, write)
  return Buffer.concat([encodeOnnx({ ...honest, nodes }), second.finish()])
}

/** Hands the honest answer from turn to turn, `turns` times or for ever. */
function loop(graph: BinaryWriter, turns: bigint | undefined, output = OUTPUT): void {
  if (turns !== undefined) tensor(graph, 'turns', ELEMENT.int64, BigInt64Array.of(turns), true)
  tensor(graph, 'yes', ELEMENT.bool, Uint8Array.of(1), true)
  const body: Write = (inner) => {
    node(inner, 'Identity', ['goOn'], ['goesOn'])
    node(inner, 'Identity', ['carried'], ['carries'])
    text(inner, FIELD.graph.name, 'body')
    value(inner, FIELD.graph.input, 'turn', ELEMENT.int64)
    value(inner, FIELD.graph.input, 'goOn', ELEMENT.bool)
    value(inner, FIELD.graph.input, 'carried', ELEMENT.float)
    value(inner, FIELD.graph.output, 'goesOn', ELEMENT.bool)
    value(inner, FIELD.graph.output, 'carries', ELEMENT.float)
  }
  node(graph, 'Loop', [turns === undefined ? '' : 'turns', 'yes', HONEST], [output], (out) =>
    attribute(out, 'body', ATTRIBUTE.graph, (inner) => message(inner, ATTRIBUTE_GRAPH, body)),
  )
}

function node(
  graph: BinaryWriter,
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Write = () => undefined,
): void {
  message(graph, FIELD.graph.node, (out) => {
    for (const name of inputs) text(out, FIELD.node.input, name)
    for (const name of outputs) text(out, FIELD.node.output, name)
    text(out, FIELD.node.operator, operator)
    attributes(out)
  })
}

function attribute(node: BinaryWriter, name: string, type: number, write: Write): void {
  message(node, FIELD.node.attribute, (out) => {
    text(out, FIELD.attribute.name, name)
    write(out)
    integer(out, FIELD.attribute.type, BigInt(type))
  })
}

function tensor(
  graph: BinaryWriter,
  name: string,
  type: number,
  values: BigInt64Array | Uint8Array,
  scalar = false,
): void {
  message(graph, FIELD.graph.initializer, (out) => {
    if (!scalar) integer(out, FIELD.tensor.dims, BigInt(values.length))
    integer(out, FIELD.tensor.dataType, BigInt(type))
    text(out, FIELD.tensor.name, name)
    const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    out.tag(FIELD.tensor.rawData, WireType.LengthDelimited).bytes(raw)
  })
}

function value(graph: BinaryWriter, field: number, name: string, type: number): void {
  message(graph, field, (out) => {
    text(out, FIELD.value.name, name)
    message(out, FIELD.value.type, (types) => {
      message(types, FIELD.type.tensor, (inner) => {
        integer(inner, FIELD.tensorType.element, BigInt(type))
        // Numbers of their own, save for what is carried.
        if (type !== ELEMENT.float) message(inner, FIELD.tensorType.shape, () => undefined)
      })
    })
  })
}

function message(out: BinaryWriter, field: number, write: Write): void {
  out.tag(field, WireType.LengthDelimited).fork()
  write(out)
  out.join()
}

function text(out: BinaryWriter, field: number, value: string): void {
  out.tag(field, WireType.LengthDelimited).string(value)
}

function integer(out: BinaryWriter, field: number, value: bigint): void {
  out.tag(field, WireType.Varint).int64(value)
}
