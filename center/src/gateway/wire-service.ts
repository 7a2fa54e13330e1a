import {
  type Server,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { YizhanError } from '@yizhan/kernel'
import { type Handlers, serviceDefinition } from '@yizhan/proto'
import { toStatus } from './service-error.js'

type Parser = (bytes: Buffer) => unknown
type Service = Parameters<typeof serviceDefinition>[0]

/**
 * Services whose messages are parsed in an interceptor: grpc-js would turn bytes that do not parse into INTERNAL,
 * here they are INVALID_ARGUMENT of that call. Messages over the size limit never come this far.
 */
export class WireServices {
  readonly #parsers = new Map<string, Parser>()

  /** Rpcs without a handler are answered UNIMPLEMENTED. */
  add<S extends Service>(server: Server, service: S, handlers: Partial<Handlers<S>>): void {
    const definition: Record<string, ServiceDefinition[string]> = {}
    for (const [name, method] of Object.entries(serviceDefinition(service))) {
      this.#parsers.set(method.path, method.requestDeserialize)
      definition[name] = { ...method, requestDeserialize: (bytes: Buffer) => bytes }
    }
    server.addService(definition, handlers as UntypedServiceImplementation)
  }

  /** `received` is told of every whole message: the peer as `address:port`, and the message's size in bytes. */
  interceptor(received: (peer: string, bytes: number) => void): ServerInterceptor {
    return (method, call) => {
      const parse = this.#parsers.get(method.path)
      const peer = call.getPeer()
      return new ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMessage: (bytes: Buffer, pass) => {
              received(peer, bytes.length)
              let message: unknown
              try {
                message = parse?.(bytes)
              } catch {
                call.sendStatus(toStatus(unparseable(method.path)))
                return
              }
              pass(message)
            },
          }),
      })
    }
  }
}

function unparseable(path: string): YizhanError {
  return new YizhanError('invalid_argument', `the message is not one of ${path}`)
}
