import {
  create,
  type DescMessage,
  type DescService,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type {
  ChannelCredentials,
  ChannelOptions,
  ClientDuplexStream,
  ClientReadableStream,
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServiceDefinition,
} from '@grpc/grpc-js'
import { Client, Metadata } from '@grpc/grpc-js'

type MethodOf<S extends DescService> = S['method']
type Handler<M> = M extends {
  methodKind: infer K
  input: infer I extends DescMessage
  output: infer O extends DescMessage
}
  ? K extends 'bidi_streaming'
    ? handleBidiStreamingCall<MessageShape<I>, MessageShape<O>>
    : K extends 'server_streaming'
      ? handleServerStreamingCall<MessageShape<I>, MessageShape<O>>
      : K extends 'client_streaming'
        ? handleClientStreamingCall<MessageShape<I>, MessageShape<O>>
        : handleUnaryCall<MessageShape<I>, MessageShape<O>>
  : never

/** The handlers that a service needs, by rpc name, typed as grpc-js has them. */
export type Handlers<S extends DescService> = { [K in keyof MethodOf<S>]: Handler<MethodOf<S>[K]> }

const encodings = new WeakMap<object, Uint8Array>()
const sizes = new WeakMap<object, number>()

/** The message, which is written as these bytes: whoever has its encoding already spares another. */
export function encodedAs<M extends object>(message: M, bytes: Uint8Array): M {
  encodings.set(message, bytes)
  return message
}

/** Bytes of a message on the wire; of one that was received, those that came. */
export function wireBytes<D extends DescMessage>(desc: D, message: MessageShape<D>): number {
  return sizes.get(message) ?? toBinary(desc, message).length
}

const serializer =
  <D extends DescMessage>(desc: D) =>
  (value: MessageShape<D>): Buffer => {
    const { buffer, byteOffset, byteLength } = encodings.get(value) ?? toBinary(desc, value)
    return Buffer.from(buffer, byteOffset, byteLength)
  }
const deserializer =
  <D extends DescMessage>(desc: D) =>
  (bytes: Buffer): MessageShape<D> => {
    const message = fromBinary(desc, bytes)
    sizes.set(message, bytes.length)
    return message
  }

function methodDefinition(method: DescService['methods'][number]): ServiceDefinition[string] {
  const streams = method.methodKind
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: streams === 'client_streaming' || streams === 'bidi_streaming',
    responseStream: streams === 'server_streaming' || streams === 'bidi_streaming',
    requestSerialize: serializer(method.input),
    requestDeserialize: deserializer(method.input),
    responseSerialize: serializer(method.output),
    responseDeserialize: deserializer(method.output),
  }
}

/** A grpc-js service definition of a protobuf-es service, for `server.addService(definition, handlers)`. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((m) => [m.localName, methodDefinition(m)]))
}

interface RpcOf<K extends string, I extends DescMessage, O extends DescMessage> {
  readonly methodKind: K
  readonly input: I
  readonly output: O
  readonly name: string
  readonly parent: DescService
}

/**
 * The call, whose `cancel` takes effect after this pass of the event loop. Node 20 spins for ever when a stream is reset inside
 * the close of another one of its session that still had something to send; and there all that hears of an end runs.
 */
function cancelledLater<C extends { cancel(): void }>(call: C): C {
  const cancel = call.cancel.bind(call)
  call.cancel = () => void setImmediate(cancel)
  return call
}

/** A grpc-js channel with one typed call per kind of rpc: `client.bidi(Link.method.connect)`. */
export class RpcClient {
  readonly #client: Client

  constructor(address: string, credentials: ChannelCredentials, options: ChannelOptions = {}) {
    this.#client = new Client(address, credentials, options)
  }

  bidi<I extends DescMessage, O extends DescMessage>(
    rpc: RpcOf<'bidi_streaming', I, O>,
    metadata = new Metadata(),
  ): ClientDuplexStream<MessageShape<I>, MessageShape<O>> {
    const call = this.#client.makeBidiStreamRequest(
      `/${rpc.parent.typeName}/${rpc.name}`,
      serializer(rpc.input),
      deserializer(rpc.output),
      metadata,
    )
    return cancelledLater(call)
  }

  serverStream<I extends DescMessage, O extends DescMessage>(
    rpc: RpcOf<'server_streaming', I, O>,
    request: MessageShape<I>,
    metadata = new Metadata(),
  ): ClientReadableStream<MessageShape<O>> {
    const call = this.#client.makeServerStreamRequest(
      `/${rpc.parent.typeName}/${rpc.name}`,
      serializer(rpc.input),
      deserializer(rpc.output),
      request,
      metadata,
    )
    return cancelledLater(call)
  }

  /** One request, one response; rejects with grpc-js's ServiceError. `deadlineMs` counts from now. */
  unary<I extends DescMessage, O extends DescMessage>(
    rpc: RpcOf<'unary', I, O>,
    request: MessageShape<I>,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeUnaryRequest(
        `/${rpc.parent.typeName}/${rpc.name}`,
        serializer(rpc.input),
        deserializer(rpc.output),
        request,
        new Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          signal.removeEventListener('abort', onAbort)
          if (error) reject(error)
          else resolve(response ?? create(rpc.output))
        },
      )
      // Not here and now, for the reason of `cancelledLater`.
      const onAbort = () => void setImmediate(() => call.cancel())
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
    })
  }

  close(): void {
    this.#client.close()
  }
}
