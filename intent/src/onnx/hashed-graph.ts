import { canonicalJson } from '@yizhan/kernel'
import type { QuantisedBag } from '../model.js'
import { encodeOnnx } from './encode.js'
import type { OnnxModel } from './graph.js'
import { INPUT_IDS, INPUT_WEIGHTS, OUTPUT } from './names.js'
import { refuse } from './wire-reader.js'

/**
 * The graph of a hashed model, IR version 8, operator set 17.
 * Inputs: `ids` int32 [batch, features] and `weights` float [batch, features], rows padded with weight 0.
 * Output: `probabilities` float [batch, classes].
 */
export function hashedGraph(network: QuantisedBag): OnnxModel {
  const { buckets, dim, classes, embedding, scales, head, bias } = network
  return {
    irVersion: 8,
    opset: 17,
    inputs: [
      { name: INPUT_IDS, element: 'int32', dims: ['batch', 'features'] },
      { name: INPUT_WEIGHTS, element: 'float', dims: ['batch', 'features'] },
    ],
    outputs: [{ name: OUTPUT, element: 'float', dims: ['batch', classes] }],
    initializers: [
      { name: 'embedding', element: 'int8', dims: [buckets, dim], raw: bytes(embedding) },
      { name: 'scales', element: 'float', dims: [buckets], raw: bytes(scales) },
      { name: 'head', element: 'float', dims: [classes, dim], raw: bytes(head) },
      { name: 'bias', element: 'float', dims: [classes], raw: bytes(bias) },
      { name: 'axis', element: 'int64', dims: [1], raw: bytes(BigInt64Array.of(1n)) },
    ],
    nodes: [
      node('Gather', ['embedding', INPUT_IDS], 'rows8'),
      { ...node('Cast', ['rows8'], 'rows'), attributes: [{ name: 'to', kind: 'int', value: 1 }] },
      node('Gather', ['scales', INPUT_IDS], 'rowScales'),
      node('Mul', [INPUT_WEIGHTS, 'rowScales'], 'scaled'),
      node('Unsqueeze', ['scaled', 'axis'], 'scaledRow'),
      node('MatMul', ['scaledRow', 'rows'], 'sum'),
      node('Squeeze', ['sum', 'axis'], 'hidden'),
      {
        ...node('Gemm', ['hidden', 'head', 'bias'], 'logits'),
        attributes: [{ name: 'transB', kind: 'int', value: 1 }],
      },
      { ...node('Softmax', ['logits'], OUTPUT), attributes: [{ name: 'axis', kind: 'int', value: -1 }] },
    ],
  }
}

function node(operator: string, inputs: readonly string[], output: string) {
  return { operator, inputs, outputs: [output], attributes: [] }
}

function bytes(values: Int8Array | Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** The ONNX file of a trained model; the same model gives the same bytes. */
export function writeOnnx(model: { readonly network: QuantisedBag }): Uint8Array {
  return encodeOnnx(hashedGraph(model.network))
}

/**
 * Checks that an inspected model is exactly the graph that `writeOnnx` writes for these sizes, with finite numbers:
 * then its run time and memory are known. Throws `invalid_argument` otherwise.
 */
export function assertHashedGraph(
  model: OnnxModel,
  size: { buckets: number; dim: number; classes: number },
): void {
  const { buckets, dim, classes } = size
  const expected = hashedGraph({
    ...size,
    embedding: new Int8Array(0),
    scales: new Float32Array(0),
    head: new Float32Array(0),
    bias: new Float32Array(0),
  })
  if (shapeOf(model) !== shapeOf(expected)) {
    throw refuse(
      `it is not the graph of a hashed model with ${buckets} buckets, ${dim} dimensions, ${classes} classes`,
    )
  }
  for (const { element, raw, name } of model.initializers) {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
    if (name === 'axis' && view.getBigInt64(0, true) !== 1n) throw refuse('its axis is not 1')
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
