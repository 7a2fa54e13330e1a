import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import {
  ATTRIBUTE_TYPE,
  ELEMENT,
  FIELD,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from './graph.js'

/** An ONNX file (ModelProto). The same model gives the same bytes. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = new BinaryWriter()
  integer(writer, FIELD.model.irVersion, model.irVersion)
  text(writer, FIELD.model.producerName, 'yizhan')
  message(writer, FIELD.model.graph, (graph) => {
    for (const node of model.nodes) message(graph, FIELD.graph.node, (out) => writeNode(out, node))
    text(graph, FIELD.graph.name, 'intent')
    for (const tensor of model.initializers) {
      message(graph, FIELD.graph.initializer, (out) => writeTensor(out, tensor))
    }
    for (const value of model.inputs) message(graph, FIELD.graph.input, (out) => writeValue(out, value))
    for (const value of model.outputs) message(graph, FIELD.graph.output, (out) => writeValue(out, value))
  })
  message(writer, FIELD.model.opset, (out) => {
    text(out, FIELD.opset.domain, '')
    integer(out, FIELD.opset.version, model.opset)
  })
  return writer.finish()
}

function writeNode(out: BinaryWriter, node: OnnxNode): void {
  for (const input of node.inputs) text(out, FIELD.node.input, input)
  for (const output of node.outputs) text(out, FIELD.node.output, output)
  text(out, FIELD.node.operator, node.operator)
  for (const attribute of node.attributes) {
    message(out, FIELD.node.attribute, (inner) => writeAttribute(inner, attribute))
  }
}

function writeAttribute(out: BinaryWriter, attribute: OnnxAttribute): void {
  text(out, FIELD.attribute.name, attribute.name)
  switch (attribute.kind) {
    case 'float':
      out.tag(FIELD.attribute.f, WireType.Bit32).float(attribute.value)
      break
    case 'int':
      integer(out, FIELD.attribute.i, attribute.value)
      break
    case 'ints':
      for (const value of attribute.value) integer(out, FIELD.attribute.ints, value)
      break
  }
  integer(out, FIELD.attribute.type, ATTRIBUTE_TYPE[attribute.kind])
}

function writeTensor(out: BinaryWriter, tensor: OnnxTensor): void {
  for (const dim of tensor.dims) integer(out, FIELD.tensor.dims, dim)
  integer(out, FIELD.tensor.dataType, ELEMENT[tensor.element].code)
  text(out, FIELD.tensor.name, tensor.name)
  out.tag(FIELD.tensor.rawData, WireType.LengthDelimited).bytes(tensor.raw)
}

function writeValue(out: BinaryWriter, value: OnnxValue): void {
  text(out, FIELD.value.name, value.name)
  message(out, FIELD.value.type, (type) => {
    message(type, FIELD.type.tensor, (tensor) => {
      integer(tensor, FIELD.tensorType.element, ELEMENT[value.element].code)
      message(tensor, FIELD.tensorType.shape, (shape) => {
        for (const dim of value.dims) {
          message(shape, FIELD.shape.dim, (one) => {
            if (typeof dim === 'string') text(one, FIELD.dim.param, dim)
            else integer(one, FIELD.dim.value, dim)
          })
        }
      })
    })
  })
}

function integer(out: BinaryWriter, field: number, value: number): void {
  out.tag(field, WireType.Varint).int64(value)
}

function text(out: BinaryWriter, field: number, value: string): void {
  out.tag(field, WireType.LengthDelimited).string(value)
}

function message(out: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  out.tag(field, WireType.LengthDelimited).fork()
  write(out)
  out.join()
}
