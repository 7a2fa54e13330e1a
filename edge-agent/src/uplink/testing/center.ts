import type { TestContext } from 'node:test'
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js'
import {
  Bundles,
  type CommandResult,
  type ConnectRequest,
  type ConnectResponse,
  ConnectResponseSchema,
  create,
  type DesiredState,
  type DesiredStateResult,
  DesiredStateSchema,
  Enrollment,
  type Goodbye,
  type Heartbeat,
  type Hello,
  Inference,
  Ledger,
  Link,
  type SignedDesiredState,
  SignedDesiredStateSchema,
  type SubjectReport,
  serviceDefinition,
  toBinary,
  type Welcome,
  WIRE_LIMITS,
} from '@yizhan/proto'
import { TestBook } from './book.js'
import { TestCa } from './ca.js'
import { Inbox } from './inbox.js'
import { EDGE_ID, failure, TestRegistrar, TRUST_DOMAIN } from './registrar.js'
import { TestReplica } from './replica.js'
import { TestShelf } from './shelf.js'

type ConnectCall = ServerDuplexStream<ConnectRequest, ConnectResponse>
type Frame = ConnectResponse['frame']

/** For tests: a center with real TLS that follows the comments in the .proto files and does what the test says. */
export class TestCenter {
  readonly ca: TestCa
  readonly registrar: TestRegistrar
  readonly book = new TestBook()
  readonly replica = new TestReplica()
  readonly shelf: TestShelf
  readonly hellos = new Inbox<Hello>()
  readonly heartbeats = new Inbox<Heartbeat>()
  readonly goodbyes = new Inbox<Goodbye>()
  readonly results = new Inbox<DesiredStateResult>()
  readonly commandResults = new Inbox<CommandResult>()
  readonly subjectReports = new Inbox<SubjectReport>()
  /** Takes the place of the welcome. */
  greet: (call: ConnectCall, hello: Hello) => void = (call) => this.welcome(call)
  answersHeartbeats = true
  heartbeatMs = 10_000
  /** Sent after the welcome. */
  desired: SignedDesiredState | undefined
  /** Sent once in place of the next frame on a stream. */
  garbage: Buffer | undefined
  generation = 0n
  linkAddress = ''
  enrollAddress = ''
  #current: ConnectCall | undefined

  constructor(ca: TestCa) {
    this.ca = ca
    this.registrar = new TestRegistrar(ca)
    this.shelf = new TestShelf(this.registrar)
  }

  /** Sends on the newest link, with its generation or another one. */
  send(frame: Frame, linkGeneration = this.generation, call = this.#current): void {
    call?.write(create(ConnectResponseSchema, { linkGeneration, frame }))
  }

  /** Ends the older link, if there is one, then welcomes the new one: the harder order for an edge. */
  welcome(call: ConnectCall, wishes: Partial<Omit<Welcome, '$typeName'>> = {}): void {
    this.#current?.emit('error', failure(status.ABORTED, 'a newer link took its place'))
    this.book.supersede()
    this.#current = call
    this.generation += 1n
    this.book.generation = this.generation
    this.replica.generation = this.generation
    const value: Welcome = {
      $typeName: 'yizhan.v1.Welcome',
      protocol: 1,
      linkGeneration: this.generation,
      heartbeatMs: this.heartbeatMs,
      reconnectSpreadMs: 0,
      capabilities: ['inference', 'bundles', 'renew', 'ledger'],
      centerTimeMs: BigInt(Date.now()),
      signingKeys: this.registrar.signingKeys,
      ...wishes,
    }
    this.send({ case: 'welcome', value })
    if (this.desired) this.send({ case: 'desiredState', value: this.desired })
  }

  refuse(code: string, call = this.#current): void {
    const detail = {
      $typeName: 'yizhan.v1.Failure' as const,
      code,
      message: code,
      retryable: false,
      retryAfterMs: 0,
    }
    const value = { $typeName: 'yizhan.v1.Refused' as const, failure: detail, mayDrain: false }
    this.send({ case: 'refused', value }, this.generation, call)
    call?.end()
  }

  /** Ends the newest link with an error. */
  dropLink(): void {
    this.#current?.emit('error', failure(status.UNAVAILABLE, 'dropped by the test'))
    this.#current = undefined
  }

  /** A desired state for the test edge, signed. */
  sign(state: Partial<Omit<DesiredState, '$typeName'>>): SignedDesiredState {
    const payload = toBinary(DesiredStateSchema, create(DesiredStateSchema, { edgeId: EDGE_ID, ...state }))
    const signature = this.registrar.sign('yizhan-desired-state-v1\n', payload)
    return create(SignedDesiredStateSchema, { payload, signature, keyId: this.registrar.keyId })
  }

  readonly #connect = (call: ConnectCall): void => {
    call.on('error', () => undefined)
    call.on('end', () => call.end())
    call.on('data', ({ frame }: ConnectRequest) => this.#receive(call, frame))
  }

  #receive(call: ConnectCall, frame: ConnectRequest['frame']): void {
    switch (frame.case) {
      case 'hello':
        this.greet(call, frame.value)
        this.hellos.put(frame.value)
        return
      case 'heartbeat': {
        const value = {
          $typeName: 'yizhan.v1.HeartbeatAck' as const,
          sequence: frame.value.sequence,
          centerTimeMs: 0n,
        }
        if (this.answersHeartbeats) this.send({ case: 'heartbeatAck', value }, this.generation, call)
        this.heartbeats.put(frame.value)
        return
      }
      case 'goodbye':
        this.goodbyes.put(frame.value)
        return
      case 'desiredStateResult':
        this.results.put(frame.value)
        return
      case 'commandResult':
        this.commandResults.put(frame.value)
        return
      case 'subjectReport':
        this.subjectReports.put(frame.value)
        return
      default:
        throw new Error(`the test center knows no ${frame.case}`)
    }
  }

  async start(t: TestContext, uri: string): Promise<void> {
    const { key, cert } = this.ca.issueServer(uri)
    const ca = Buffer.from(this.ca.certificate.toString())
    const shown = Buffer.from((this.ca.shownInstead ?? this.ca.certificate).toString())
    const pair = { private_key: key, cert_chain: Buffer.concat([cert, shown]) }
    const garbage = () => {
      const bytes = this.garbage
      this.garbage = undefined
      return bytes
    }
    const { enroll, renew } = this.registrar.handlers
    const link = new Server(WIRE_LIMITS)
    link.addService(garbled(serviceDefinition(Link), garbage), { connect: this.#connect })
    link.addService(garbled(serviceDefinition(Inference), garbage), { infer: this.book.infer })
    link.addService(serviceDefinition(Ledger), { upload: this.replica.upload })
    link.addService(serviceDefinition(Bundles), { fetch: this.shelf.fetch })
    link.addService(serviceDefinition(Enrollment), { enroll, renew })
    const enrol = new Server(WIRE_LIMITS)
    enrol.addService(serviceDefinition(Enrollment), { enroll, renew })
    this.linkAddress = await listen(t, link, ServerCredentials.createSsl(ca, [pair], true))
    this.enrollAddress = await listen(t, enrol, ServerCredentials.createSsl(null, [pair], false))
  }
}

function listen(t: TestContext, server: Server, credentials: ServerCredentials): Promise<string> {
  t.after(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
      error ? reject(error) : resolve(`127.0.0.1:${port}`),
    )
  })
}

/** The service with `garbage`, if there is some, in place of what it would answer. */
function garbled(definition: ServiceDefinition, garbage: () => Buffer | undefined): ServiceDefinition {
  const methods = Object.entries(definition).map(([name, method]) => {
    const responseSerialize = (value: unknown) => garbage() ?? method.responseSerialize(value)
    return [name, { ...method, responseSerialize }]
  })
  return Object.fromEntries(methods)
}

// Keys take long to make, so the centers of a test file share one authority unless they say otherwise.
const SHARED_CA = new TestCa()

/** Started on two free ports, stopped with the test. */
export async function startTestCenter(
  t: TestContext,
  { ca = SHARED_CA, uri = `spiffe://${TRUST_DOMAIN}/center` } = {},
): Promise<TestCenter> {
  const center = new TestCenter(ca)
  await center.start(t, uri)
  return center
}
