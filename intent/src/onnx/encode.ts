import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import {
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './gen/onnx_pb.js'
import {
  ATTRIBUTE_TYPE,
  ELEMENT,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './graph.js'

/** An ONNX file (ModelProto). The same model gives the same bytes. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(model.irVersion),
      producerName: 'yizhan',
      graph: {
        name: 'intent',
        node: model.nodes.map(nodeProto),
        initializer: model.initializers.map(tensorProto),
        input: model.inputs.map(valueProto),
        output: model.outputs.map(valueProto),
      },
      opsetImport: [{ domain: '', version: BigInt(model.opset) }],
    }),
  )
}

function nodeProto({
  operator,
  inputs,
  outputs,
  attributes,
}: OnnxNode): MessageInitShape<typeof NodeProtoSchema> {
  return {
    opType: operator,
    input: [...inputs],
    output: [...outputs],
    attribute: attributes.map(attributeProto),
  }
}

function attributeProto(attribute: OnnxAttribute): MessageInitShape<typeof AttributeProtoSchema> {
  const { name, kind } = attribute
  const type = ATTRIBUTE_TYPE[kind]
  switch (kind) {
    case 'float':
      return { name, type, f: attribute.value }
    case 'int':
      return { name, type, i: BigInt(attribute.value) }
    case 'ints':
      return { name, type, ints: attribute.value.map(BigInt) }
    default:
      return kind satisfies never
  }
}

function tensorProto({ name, element, dims, raw }: OnnxTensor): MessageInitShape<typeof TensorProtoSchema> {
  return { name, dataType: ELEMENT[element].code, dims: dims.map(BigInt), rawData: new Uint8Array(raw) }
}

function valueProto({ name, element, dims }: OnnxValue): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = dims.map((size) =>
    typeof size === 'string'
      ? ({ value: { case: 'dimParam', value: size } } as const)
      : ({ value: { case: 'dimValue', value: BigInt(size) } } as const),
  )
  const tensor = { elemType: ELEMENT[element].code, shape: { dim } }
  return { name, type: { value: { case: 'tensorType', value: tensor } } }
}
