import { readFileSync } from 'node:fs'
import grpc from '@grpc/grpc-js'
import { create, type Handlers, Inference, InferResponseSchema, serviceDefinition } from '@yizhan/proto'

// The peer of `bench link`: grpc-js over mTLS and nothing else; each request on a stream is answered with TOKENS
// messages of one token.
const [, , keyFile = '', certFile = '', caFile = '', count = '10000'] = process.argv
const tokens = Number(count)
const handlers: Handlers<typeof Inference> = {
  infer(call) {
    call.on('data', (request) => {
      let seq = 0
      const push = () => {
        while (seq < tokens) {
          seq += 1
          const more = call.write(
            create(InferResponseSchema, {
              requestId: request.requestId,
              attempt: 1,
              frame: { case: 'tokens', value: { seq, text: 'word' } },
            }),
          )
          if (!more) {
            call.once('drain', push)
            return
          }
        }
        call.write(
          create(InferResponseSchema, {
            requestId: request.requestId,
            frame: { case: 'final', value: { lastSeq: seq } },
          }),
        )
      }
      push()
    })
    call.on('end', () => call.end())
    call.on('error', () => undefined)
  },
}
const server = new grpc.Server()
server.addService(serviceDefinition(Inference), handlers as unknown as grpc.UntypedServiceImplementation)
const credentials = grpc.ServerCredentials.createSsl(
  readFileSync(caFile),
  [{ private_key: readFileSync(keyFile), cert_chain: readFileSync(certFile) }],
  true,
)
server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
  if (error) throw error
  process.stdout.write(`${JSON.stringify({ ready: true, port })}\n`)
})
process.stdin.resume().once('end', () => process.exit(0))
