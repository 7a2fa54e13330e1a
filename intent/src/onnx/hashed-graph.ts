import { canonicalJson } from '@yizhan/kernel'
import type { QuantisedNetwork } from '../model.js'
import { encodeOnnx } from './encode.js'
import { ELEMENT, type OnnxModel, type OnnxNode } from './graph.js'
import { INPUT_IDS, INPUT_WEIGHTS, OUTPUT } from './names.js'
import { refuse } from './wire-reader.js'

const AXIS_1 = 'axis1'
const AXIS_2 = 'axis2'
const FIRST = 'first'

/**
 * The graph of a hashed model, IR version 8, operator set 17.
 * Inputs: `ids` int32 [batch, members, features] and `weights` float [batch, features], rows padded with weight 0.
 * Output: `probabilities` float [batch, classes].
 */
export function hashedGraph(network: QuantisedNetwork): OnnxModel {
  const { members, buckets, dim, classes, embedding, scales, head, bias, linear } = network
  return {
    irVersion: 8,
    opset: 17,
    inputs: [
      { name: INPUT_IDS, element: 'int32', dims: ['batch', members, 'features'] },
      { name: INPUT_WEIGHTS, element: 'float', dims: ['batch', 'features'] },
    ],
    outputs: [{ name: OUTPUT, element: 'float', dims: ['batch', classes] }],
    initializers: [
      { name: 'embedding', element: 'int8', dims: [members * buckets, dim], raw: bytes(embedding) },
      { name: 'scales', element: 'float', dims: [members * buckets], raw: bytes(scales) },
      { name: 'head', element: 'float', dims: [classes, members * dim], raw: bytes(head) },
      { name: 'bias', element: 'float', dims: [classes], raw: bytes(bias) },
      { name: AXIS_1, element: 'int64', dims: [1], raw: bytes(BigInt64Array.of(1n)) },
      { name: AXIS_2, element: 'int64', dims: [1], raw: bytes(BigInt64Array.of(2n)) },
      ...(linear
        ? ([
            { name: 'linear', element: 'int8', dims: [buckets, classes], raw: bytes(linear.table) },
            { name: 'linearScales', element: 'float', dims: [buckets], raw: bytes(linear.scales) },
            { name: FIRST, element: 'int64', dims: [], raw: bytes(BigInt64Array.of(0n)) },
          ] as const)
        : []),
    ],
    nodes: [
      node('Gather', ['embedding', INPUT_IDS], 'rows8'),
      node('Cast', ['rows8'], 'rows', { to: ELEMENT.float.code }),
      node('Gather', ['scales', INPUT_IDS], 'rowScales'),
      node('Unsqueeze', [INPUT_WEIGHTS, AXIS_1], 'shared'),
      node('Mul', ['shared', 'rowScales'], 'scaled'),
      node('Unsqueeze', ['scaled', AXIS_2], 'scaledRow'),
      node('MatMul', ['scaledRow', 'rows'], 'sum'),
      node('Flatten', ['sum'], 'hidden', { axis: 1 }),
      node('Gemm', ['hidden', 'head', 'bias'], 'votes', { transB: 1 }),
      ...(linear ? LINEAR_NODES : []),
      node('Softmax', [linear ? 'scores' : 'votes'], OUTPUT, { axis: -1 }),
    ],
  }
}

const LINEAR_NODES = [
  node('Gather', [INPUT_IDS, FIRST], 'firstIds', { axis: 1 }),
  node('Gather', ['linear', 'firstIds'], 'linear8'),
  node('Cast', ['linear8'], 'linearRows', { to: ELEMENT.float.code }),
  node('Gather', ['linearScales', 'firstIds'], 'linearRowScales'),
  node('Mul', [INPUT_WEIGHTS, 'linearRowScales'], 'linearScaled'),
  node('Unsqueeze', ['linearScaled', AXIS_1], 'linearScaledRow'),
  node('MatMul', ['linearScaledRow', 'linearRows'], 'linearSum'),
  node('Squeeze', ['linearSum', AXIS_1], 'linearVotes'),
  node('Add', ['votes', 'linearVotes'], 'scores'),
]

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  ints: Readonly<Record<string, number>> = {},
): OnnxNode {
  const attributes = Object.entries(ints).map(([name, value]) => ({ name, kind: 'int', value }) as const)
  return { operator, inputs, outputs: [output], attributes }
}

function bytes(values: Int8Array | Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** The ONNX file of a trained model; the same model gives the same bytes. */
export function writeOnnx(model: { readonly network: QuantisedNetwork }): Uint8Array {
  return encodeOnnx(hashedGraph(model.network))
}

/** The sizes of a network, which fix its graph. */
export interface NetworkSize {
  readonly members: number
  readonly buckets: number
  readonly dim: number
  readonly classes: number
  readonly linear: boolean
}

const CONSTANTS: ReadonlyMap<string, bigint> = new Map([
  [AXIS_1, 1n],
  [AXIS_2, 2n],
  [FIRST, 0n],
])

/**
 * Checks that an inspected model is exactly the graph that `writeOnnx` writes for these sizes, with finite numbers:
 * then its run time and memory are known. Throws `invalid_argument` otherwise.
 */
export function assertHashedGraph(model: OnnxModel, size: NetworkSize): void {
  const { members, buckets, dim, classes } = size
  const none = new Float32Array(0)
  const expected = hashedGraph({
    ...{ members, buckets, dim, classes },
    ...{ embedding: new Int8Array(0), scales: none, head: none, bias: none },
    ...(size.linear ? { linear: { table: new Int8Array(0), scales: none } } : {}),
  })
  if (shapeOf(model) !== shapeOf(expected)) {
    throw refuse(
      `it is not the graph of a hashed model with ${members} × ${buckets} buckets, ${dim} dimensions, ${classes} classes`,
    )
  }
  for (const { element, raw, name } of model.initializers) {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
    const constant = CONSTANTS.get(name)
    if (constant !== undefined && view.getBigInt64(0, true) !== constant)
      throw refuse(`its ${name} is another`)
    if (element !== 'float') continue
    for (let at = 0; at < raw.length; at += 4) {
      if (!Number.isFinite(view.getFloat32(at, true))) throw refuse('it holds a number that is not finite')
    }
  }
}

function shapeOf(model: OnnxModel): string {
  return canonicalJson({
    irVersion: model.irVersion,
    opset: model.opset,
    inputs: model.inputs,
    outputs: model.outputs,
    initializers: model.initializers.map(({ name, element, dims }) => ({ name, element, dims })),
    nodes: model.nodes,
  })
}
