import type { TestContext } from 'node:test'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type ClientDuplexStream, credentials, Metadata, type StatusObject, status } from '@grpc/grpc-js'
import { Value } from '@sinclair/typebox/value'
import {
  asEdgeId,
  asTenantId,
  createMetrics,
  type EdgeId,
  ManualClock,
  type Metrics,
  silentLogger,
  type TenantId,
  type YizhanError,
} from '@yizhan/kernel'
import {
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  create,
  HeartbeatSchema,
  HelloSchema,
  Inference,
  type InferRequest,
  InferRequestSchema,
  type InferResponse,
  Link,
  MessageSchema,
  PROTOCOL,
  RpcClient,
  SubmitSchema,
  type Welcome,
  WIRE_LIMITS,
} from '@yizhan/proto'
import { type GatewayConfig, gatewayConfigSchema } from './config.js'
import { type Gateway, type GatewayDeps, startGateway } from './gateway.js'
import { fromServiceError } from './service-error.js'
import {
  Arrivals,
  MemoryRegistry,
  ScriptedBook,
  TestBundles,
  TestDesiredStates,
  TestEnrollment,
  TestSigner,
  TestTls,
} from './test-fakes.js'
import { TestCa, type TestCertificate } from './test-pki.js'

export const edgeId = (text: string): EdgeId => asEdgeId(text) ?? fail(text)
export const tenantId = (text: string): TenantId => asTenantId(text) ?? fail(text)

function fail(text: string): never {
  throw new Error(`${text} is not an id`)
}

/** The client's end of a stream: frames to await, and how it ended. */
export class ClientStream<Out, In> {
  readonly frames = new Arrivals<In>()
  /** `ok`, or the error that the status stands for. */
  readonly ended: Promise<'ok' | YizhanError>
  readonly call: ClientDuplexStream<Out, In>

  constructor(call: ClientDuplexStream<Out, In>) {
    this.call = call
    this.ended = new Promise((resolve) => {
      call.on('error', (error) => resolve(fromServiceError(error)))
      call.on('status', (end: StatusObject) => {
        if (end.code === status.OK) resolve('ok')
      })
    })
    call.on('data', (frame: In) => this.frames.push(frame))
  }

  /** The next frame; rejects if the stream ends in its place. */
  next(): Promise<In> {
    const ended = this.ended.then((end) => {
      throw new Error(
        `the stream ended (${end === 'ok' ? end : `${end.code}: ${end.message}`}) before the frame came`,
      )
    })
    return Promise.race([this.frames.next(), ended])
  }

  /** The code with which the stream ended. */
  async code(): Promise<string> {
    const end = await this.ended
    return end === 'ok' ? end : end.code
  }
}

export type LinkClient = ClientStream<ConnectRequest, ConnectResponse>
export type InferClient = ClientStream<InferRequest, InferResponse>

/** An edge's side of the wire over real mTLS, frame by frame. */
export class TestEdge {
  readonly rpc: RpcClient

  constructor(port: number, ca: string, own: TestCertificate) {
    const tls = credentials.createSsl(Buffer.from(ca), Buffer.from(own.key), Buffer.from(own.cert))
    this.rpc = new RpcClient(`localhost:${port}`, tls, {
      ...WIRE_LIMITS,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_send_message_length': -1,
    })
  }

  connect(): LinkClient {
    return new ClientStream(this.rpc.bidi(Link.method.connect))
  }

  infer(metadata = new Metadata()): InferClient {
    return new ClientStream(this.rpc.bidi(Inference.method.infer, metadata))
  }

  /** A link up to its Welcome. */
  async link(hello: Parameters<typeof helloFrame>[0] = {}): Promise<{ link: LinkClient; welcome: Welcome }> {
    const link = this.connect()
    link.call.write(helloFrame(hello))
    const { frame } = await link.next()
    if (frame.case !== 'welcome') throw new Error(`${frame.case} in place of welcome`)
    return { link, welcome: frame.value }
  }
}

export function helloFrame(hello: { protocol?: number; oldestProtocol?: number; appliedRevision?: bigint }) {
  const value = create(HelloSchema, {
    protocol: PROTOCOL,
    oldestProtocol: PROTOCOL,
    agentVersion: '0.1.0',
    journalEpoch: 7n,
    appliedRevision: 1n,
    ...hello,
  })
  return create(ConnectRequestSchema, { frame: { case: 'hello', value } })
}

export function connectFrame(linkGeneration: bigint, frame: ConnectRequest['frame']): ConnectRequest {
  return create(ConnectRequestSchema, { linkGeneration, frame })
}

export function inferFrame(linkGeneration: bigint, requestId: string, frame: InferRequest['frame']) {
  return create(InferRequestSchema, { linkGeneration, requestId, frame })
}

export function heartbeatFrame(linkGeneration: bigint, sequence: bigint, waitingTurns = 0): ConnectRequest {
  const value = create(HeartbeatSchema, { sequence, waitingTurns })
  return connectFrame(linkGeneration, { case: 'heartbeat', value })
}

type SubmitFields = Omit<MessageInitShape<typeof SubmitSchema>, 'message' | '$typeName'>

export function submitFrame(
  linkGeneration: bigint,
  requestId: string,
  submit: SubmitFields = {},
  tenant = 'acme',
) {
  const message = create(MessageSchema, { tenantId: tenant, text: '怎么连 VPN？' })
  const value = create(SubmitSchema, { windowBytes: 4_096, ...submit, message })
  return inferFrame(linkGeneration, requestId, { case: 'submit', value })
}

/** Lets I/O go on until `condition` holds; the test's own time limit is the bound. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}

export interface TestGateway {
  readonly gateway: Gateway
  readonly clock: ManualClock
  readonly ca: TestCa
  readonly tls: TestTls
  readonly registry: MemoryRegistry
  readonly states: TestDesiredStates
  readonly bundles: TestBundles
  readonly book: ScriptedBook
  readonly enrollment: TestEnrollment
  readonly metrics: Metrics
  readonly config: GatewayConfig
  /** A client with this edge's certificate; the edge is known with the tenants `acme` and `globex`. */
  edge(name?: string, own?: TestCertificate): TestEdge
  /** Value of a metric, summed over the labels that are not given. */
  count(metric: string, labels?: Record<string, string>): Promise<number>
  stop(): Promise<void>
}

/** A gateway on loopback with real TLS and gRPC; everything behind it is scripted. */
export async function startTestGateway(
  t: TestContext,
  options: Partial<GatewayConfig> = {},
  overrides: Partial<GatewayDeps> = {},
): Promise<TestGateway> {
  const clock = new ManualClock(Date.now())
  const ca = new TestCa()
  const tls = new TestTls({ ...ca.center(), ca: ca.cert })
  const registry = new MemoryRegistry()
  const signer = new TestSigner()
  const states = new TestDesiredStates(signer)
  const bundles = new TestBundles()
  const book = new ScriptedBook()
  const enrollment = new TestEnrollment()
  const metrics = createMetrics()
  const config = testConfig(options)
  registry.add(edgeId('beijing-1'), [tenantId('acme'), tenantId('globex')])
  const gateway = await startGateway(
    {
      clock,
      log: silentLogger(),
      metrics,
      registry,
      desiredStates: states,
      bundles,
      requests: book,
      signer,
      enrollment,
      tls,
      trustDomain: ca.trustDomain,
      ...overrides,
    },
    config,
  )
  const edges: TestEdge[] = []
  const stop = async () => {
    for (const edge of edges) edge.rpc.close()
    await advanceUntil(clock, gateway.stop('test over'))
  }
  t.after(stop)
  return {
    gateway,
    clock,
    ca,
    tls,
    registry,
    states,
    bundles,
    book,
    enrollment,
    metrics,
    config,
    edge: (name = 'beijing-1', own = ca.edge(name)) => {
      const edge = new TestEdge(gateway.linkPort, ca.cert, own)
      edges.push(edge)
      return edge
    },
    count: (metric, labels = {}) => metricValue(metrics, metric, labels),
    stop,
  }
}

export function testConfig(options: Partial<GatewayConfig> = {}): GatewayConfig {
  const defaults = Value.Create(gatewayConfigSchema)
  return { ...defaults, host: '127.0.0.1', linkPort: 0, enrollPort: 0, ...options }
}

/** Moves the clock on, a second at a time with I/O between, until `work` has settled. */
export async function advanceUntil<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let settled = false
  const done = work.finally(() => {
    settled = true
  })
  done.catch(() => undefined)
  while (!settled) {
    for (let turn = 0; turn < 20 && !settled; turn++) await new Promise((resolve) => setImmediate(resolve))
    if (!settled) clock.advance(1_000)
  }
  return done
}

async function metricValue(metrics: Metrics, name: string, labels: Record<string, string>): Promise<number> {
  const { values } = (await metrics.registry.getSingleMetric(name)?.get()) ?? { values: [] }
  return values
    .filter((value) => Object.entries(labels).every(([key, text]) => value.labels[key] === text))
    .reduce((sum, value) => sum + value.value, 0)
}
