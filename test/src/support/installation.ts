import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child, jsonCommand } from './child.js'
import { TcpProxy } from './tcp-proxy.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
export const CENTER_BIN = join(root, 'center', 'bin', 'yizhan-center.js')
export const EDGE_BIN = join(root, 'edge-agent', 'bin', 'yizhan-edge.js')
export const ACME = join(root, 'examples', 'acme')
export const CLINIC = join(root, 'examples', 'clinic')
export { root }

/** What ends with a test or a benchmark. */
interface Scope {
  after(fn: () => unknown): unknown
}

type Env = Readonly<Record<string, string>>

export interface EdgeNode {
  readonly id: string
  readonly state: string
  readonly proxy: TcpProxy
  child: Child
  mqtt: string
  chat: string
  /** Starts the edge again on its state; its ports stay. */
  start(env?: Env): Promise<void>
}

/** One center and its edges as real processes in a temp directory, on free ports; everything ends with the test. */
export class Installation {
  readonly dir: string
  center: Child
  link = ''
  enroll = ''
  api = ''
  readonly edges: EdgeNode[] = []
  readonly #centerEnv: Env

  private constructor(dir: string, centerEnv: Env) {
    this.dir = dir
    this.#centerEnv = { YIZHAN_GATEWAY__HOST: '127.0.0.1', ...centerEnv }
    this.center = this.#spawnCenter('0', '0')
  }

  static async start(t: Scope, centerEnv: Env = {}): Promise<Installation> {
    const dir = await mkdtemp(join(tmpdir(), 'yz-'))
    const it = new Installation(dir, centerEnv)
    t.after(() => it.stop())
    it.#note(await it.center.ready)
    return it
  }

  get centerState(): string {
    return join(this.dir, 'center')
  }

  #spawnCenter(linkPort: string, enrollPort: string): Child {
    const ports = ['--link-port', linkPort, '--enroll-port', enrollPort, '--api-port', '0']
    return new Child(
      CENTER_BIN,
      ['serve', '--state', join(this.dir, 'center'), '--with-parent', ...ports],
      this.#centerEnv,
    )
  }

  #note(ready: Record<string, unknown>): void {
    this.link = String(ready.link)
    this.enroll = String(ready.enroll)
    this.api = String(ready.api)
  }

  /** Starts the center again on its state and its former ports. */
  async startCenter(): Promise<void> {
    this.center = this.#spawnCenter(portOf(this.link), portOf(this.enroll))
    this.#note(await this.center.ready)
  }

  centerCommand(...args: string[]): Promise<Record<string, unknown>> {
    return jsonCommand(CENTER_BIN, [...args, '--state', this.centerState])
  }

  apply(dir: string): Promise<Record<string, unknown>> {
    return this.centerCommand('tenant', 'apply', '-f', dir)
  }

  /** Enrols and starts an edge behind a proxy of its own; resolves when it serves all its tenants. */
  async addEdge(id: string, tenants: readonly string[], env: Env = {}): Promise<EdgeNode> {
    const { token } = await this.centerCommand(
      'edges',
      'token',
      id,
      ...tenants.flatMap((tenant) => ['--tenant', tenant]),
    )
    const [host = '', port = ''] = this.link.split(':')
    const proxy = await TcpProxy.start({ host, port: Number(port) })
    const state = join(this.dir, id)
    const spawnEdge = (ports: { http: string; mqtt: string }, more: Env) =>
      new Child(
        EDGE_BIN,
        [
          'serve',
          '--state',
          state,
          '--with-parent',
          '--link',
          proxy.address,
          '--enroll',
          this.enroll,
          '--http-port',
          ports.http,
          '--mqtt-port',
          ports.mqtt,
        ],
        { YIZHAN_CENTER__JOIN_TOKEN: String(token), YIZHAN_UPLINK__BACKOFF_MAX_MS: '1000', ...env, ...more },
      )
    const node: EdgeNode = {
      id,
      state,
      proxy,
      child: spawnEdge({ http: '0', mqtt: '0' }, {}),
      mqtt: '',
      chat: '',
      async start(more = {}) {
        node.child = spawnEdge({ http: portOf(node.chat), mqtt: portOf(node.mqtt) }, more)
        await node.child.ready
      },
    }
    this.edges.push(node)
    const ready = await node.child.ready
    node.mqtt = String(ready.mqtt)
    node.chat = String(ready.chat)
    for (const tenant of tenants) await edgeCommand(node, 'status', '--wait-tenant', tenant)
    return node
  }

  async stop(): Promise<void> {
    await Promise.all(this.edges.map((edge) => edge.child.end('SIGKILL')))
    await this.center.end('SIGKILL')
    await Promise.all(this.edges.map((edge) => edge.proxy.close()))
    await rm(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

export function edgeCommand(
  edge: Pick<EdgeNode, 'state'>,
  ...args: string[]
): Promise<Record<string, unknown>> {
  return jsonCommand(EDGE_BIN, [...args, '--state', edge.state])
}

function portOf(address: string): string {
  return address.split(':').at(-1)?.replace('/', '') ?? '0'
}
