/**
 * The part of the ONNX schema (onnx.proto, IR version 8) that this package writes and accepts: one graph of dense
 * tensors, no subgraphs, no functions, no external or sparse data.
 */

/** TensorProto.DataType. */
export const ELEMENT = {
  float: { code: 1, bytes: 4 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
} as const
export type Element = keyof typeof ELEMENT

export function elementOf(code: number): Element | undefined {
  return (Object.keys(ELEMENT) as Element[]).find((element) => ELEMENT[element].code === code)
}

export interface OnnxTensor {
  readonly name: string
  readonly element: Element
  readonly dims: readonly number[]
  /** Little-endian, row by row. */
  readonly raw: Uint8Array
}

/** A graph input or output; a text dimension is one that the caller chooses. */
export interface OnnxValue {
  readonly name: string
  readonly element: Element
  readonly dims: readonly (number | string)[]
}

export type OnnxAttribute =
  | { readonly name: string; readonly kind: 'float'; readonly value: number }
  | { readonly name: string; readonly kind: 'int'; readonly value: number }
  | { readonly name: string; readonly kind: 'ints'; readonly value: readonly number[] }

/** AttributeProto.AttributeType. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const

export interface OnnxNode {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: readonly OnnxAttribute[]
}

export interface OnnxModel {
  readonly irVersion: number
  /** Version of the default operator set. */
  readonly opset: number
  readonly inputs: readonly OnnxValue[]
  readonly outputs: readonly OnnxValue[]
  readonly initializers: readonly OnnxTensor[]
  /** In the order in which they run. */
  readonly nodes: readonly OnnxNode[]
}

/** Field numbers of onnx.proto, for whoever reads files that nobody should trust: see `inspectOnnx`. */
export const FIELD = {
  model: {
    irVersion: 1,
    producerName: 2,
    producerVersion: 3,
    modelVersion: 5,
    docString: 6,
    graph: 7,
    opset: 8,
  },
  opset: { domain: 1, version: 2 },
  graph: { node: 1, name: 2, initializer: 5, docString: 10, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, operator: 4, attribute: 5, docString: 6, domain: 7 },
  attribute: { name: 1, f: 2, i: 3, ints: 8, docString: 13, type: 20 },
  tensor: { dims: 1, dataType: 2, name: 8, rawData: 9, docString: 12 },
  value: { name: 1, type: 2, docString: 3 },
  type: { tensor: 1 },
  tensorType: { element: 1, shape: 2 },
  shape: { dim: 1 },
  dim: { value: 1, param: 2 },
} as const
