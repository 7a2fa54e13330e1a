import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Child, jsonCommand, type Launch } from './child.js'
import type { Scope } from './scope.js'
import { TcpProxy } from './tcp-proxy.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
export const CENTER_BIN = join(root, 'center', 'bin', 'yizhan-center.js')
export const EDGE_BIN = join(root, 'edge-agent', 'bin', 'yizhan-edge.js')
export const ACME = join(root, 'examples', 'acme')
export const CLINIC = join(root, 'examples', 'clinic')
/** A small tenant `acme`, trained in a second. */
export const BRANCH = join(root, 'test', 'fixtures', 'branch')
/** What the two programs load when they serve: the bundle's, since the programs run from it. */
const CENTER_PARTS = join(root, 'center', 'bundle', 'center.js')
const EDGE_PARTS = join(root, 'edge-agent', 'bundle', 'agent.js')

export { root }

type Env = Readonly<Record<string, string>>
type How = Omit<Launch, 'standby'>

export interface EdgeNode {
  readonly id: string
  readonly state: string
  readonly proxy: TcpProxy
  child: Child
  mqtt: string
  chat: string
  /** Starts the edge again on its state; its ports stay. */
  start(env?: Env, wrapper?: readonly string[]): Promise<void>
  /** A process that has loaded everything and starts the edge at `begin`; becomes `child` there. */
  standBy(): { begin(): Promise<void> }
}

/** One center and its edges as real processes in a temp directory, on free ports; everything ends with the test. */
export class Installation {
  readonly dir: string
  center: Child
  link = ''
  enroll = ''
  api = ''
  readonly edges: EdgeNode[] = []
  readonly #centerHow: How
  /** Those that stand by. */
  readonly #waiting = new Set<Child>()

  private constructor(dir: string, { env = {}, wrapper = [] }: How) {
    this.dir = dir
    this.#centerHow = { env: { YIZHAN_GATEWAY__HOST: '127.0.0.1', ...env }, wrapper }
    this.center = this.#spawnCenter('0', '0')
  }

  static async start(
    t: Scope,
    centerEnv: Env = {},
    centerWrapper: readonly string[] = [],
  ): Promise<Installation> {
    const dir = await mkdtemp(join(tmpdir(), 'yz-'))
    const it = new Installation(dir, { env: centerEnv, wrapper: centerWrapper })
    t.after(() => it.stop())
    it.#note(await it.center.ready)
    return it
  }

  get centerState(): string {
    return join(this.dir, 'center')
  }

  #spawnCenter(linkPort: string, enrollPort: string, standby: Pick<Launch, 'standby'> = {}): Child {
    const ports = ['--link-port', linkPort, '--enroll-port', enrollPort, '--api-port', '0']
    const args = ['serve', '--state', this.centerState, '--with-parent', ...ports]
    return new Child(CENTER_BIN, args, { ...this.#centerHow, ...standby })
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

  /** A process that has loaded everything and starts the center at `begin`; becomes `center` there. */
  standByCenter(): { begin(): Promise<void> } {
    const next = this.#spawnCenter(portOf(this.link), portOf(this.enroll), { standby: CENTER_PARTS })
    this.#waiting.add(next)
    return {
      begin: async () => {
        this.#waiting.delete(next)
        this.center = next
        next.begin()
        this.#note(await next.ready)
      },
    }
  }

  centerCommand(...args: string[]): Promise<Record<string, unknown>> {
    return jsonCommand(CENTER_BIN, [...args, '--state', this.centerState])
  }

  apply(dir: string): Promise<Record<string, unknown>> {
    return this.centerCommand('tenant', 'apply', '-f', dir)
  }

  /**
   * Enrols and starts an edge behind a proxy of its own; resolves when it serves all its tenants. `direct`: it dials the
   * center, and its proxy has nothing to do.
   */
  async addEdge(
    id: string,
    tenants: readonly string[],
    env: Env = {},
    {
      wrapper = [],
      direct = false,
    }: { readonly wrapper?: readonly string[]; readonly direct?: boolean } = {},
  ): Promise<EdgeNode> {
    const { token } = await this.centerCommand(
      'edges',
      'token',
      id,
      ...tenants.flatMap((tenant) => ['--tenant', tenant]),
    )
    const [host = '', port = ''] = this.link.split(':')
    const proxy = await TcpProxy.start({ host, port: Number(port) })
    const state = join(this.dir, id)
    const spawnEdge = (ports: { http: string; mqtt: string }, how: Launch) => {
      const where = [
        '--link',
        direct ? this.link : proxy.address,
        '--enroll',
        this.enroll,
        '--http-port',
        ports.http,
      ]
      const args = ['serve', '--state', state, '--with-parent', ...where, '--mqtt-port', ports.mqtt]
      const settings = { YIZHAN_CENTER__JOIN_TOKEN: String(token), YIZHAN_UPLINK__BACKOFF_MAX_MS: '1000' }
      return new Child(EDGE_BIN, args, { ...how, env: { ...settings, ...env, ...how.env } })
    }
    const ports = () => ({ http: portOf(node.chat), mqtt: portOf(node.mqtt) })
    const node: EdgeNode = {
      id,
      state,
      proxy,
      child: spawnEdge({ http: '0', mqtt: '0' }, { wrapper }),
      mqtt: '',
      chat: '',
      async start(more = {}, otherWrapper = []) {
        node.child = spawnEdge(ports(), { env: more, wrapper: otherWrapper })
        await node.child.ready
      },
      standBy: () => {
        const next = spawnEdge(ports(), { standby: EDGE_PARTS })
        this.#waiting.add(next)
        return {
          begin: async () => {
            this.#waiting.delete(next)
            node.child = next
            next.begin()
            await next.ready
          },
        }
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
    const children = [...this.#waiting, ...this.edges.map(({ child }) => child), this.center]
    await Promise.all(children.map((child) => child.end('SIGKILL')))
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

/** The port of `host:port`, with or without a scheme and a path. */
export function portOf(address: string): string {
  return address.split(':').at(-1)?.replace('/', '') ?? '0'
}
