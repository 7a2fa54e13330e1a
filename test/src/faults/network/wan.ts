import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Child } from '../../support/child.js'
import type { Scope } from '../../support/scope.js'
import { TcpProxy } from '../../support/tcp-proxy.js'

const exec = promisify(execFile)
const RELAY = fileURLToPath(new URL('./relay-child.js', import.meta.url))
const CENTER_ADDRESS = '10.0.0.1'
const EDGE_ADDRESS = '10.0.0.2'
/** Of the queue in front of a thin line: deep, as modems are. What keeps delay low has to come from who sends. */
const QUEUE_BYTES = 64 * 1024

/** Of packets, as the edge sees it. */
export type Direction = 'up' | 'down' | 'both'

type End = 'center' | 'edge'

/**
 * A line between a center in the network of this process, which has to be one of its own, and edges in a second one: a veth pair
 * that can be cut, lose packets in one or both directions, and be thin. Both networks have no name and nothing of them is
 * anywhere else: they are gone with this process, however it ends.
 */
export class Wan {
  /** Settings of a center that listens at its end. */
  readonly centerEnv = { YIZHAN_GATEWAY__HOST: CENTER_ADDRESS }
  /** Runs a program at the edge's end. */
  readonly edgeWrapper: readonly string[]
  readonly #scope: Scope
  readonly #dir: string
  #doors = 0

  private constructor(scope: Scope, dir: string, holder: number) {
    this.#scope = scope
    this.#dir = dir
    this.edgeWrapper = ['nsenter', `--net=/proc/${holder}/ns/net`]
  }

  /** `dir`: where its sockets may lie. Throws where this process is in the machine's own network. */
  static async lay(scope: Scope, dir: string): Promise<Wan> {
    const others = Object.values(networkInterfaces()).flatMap((all = []) =>
      all.filter(({ internal }) => !internal),
    )
    if (others.length > 0)
      throw new Error("no line is laid in the machine's own network: run in one of your own (unshare --net)")
    // Holds the edge's network for as long as its stdin is open.
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo here; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    scope.after(async () => {
      // Its network goes a moment after it does, and the line with it: a next one must not find its name taken.
      await exec('ip', ['link', 'del', 'wan']).catch(() => undefined)
      holder.stdin.end()
      if (holder.exitCode === null) await once(holder, 'exit')
    })
    await once(holder.stdout, 'data')
    const wan = new Wan(scope, dir, Number(holder.pid))
    await exec('ip', [
      'link',
      'add',
      'wan',
      'type',
      'veth',
      'peer',
      'name',
      'wan',
      'netns',
      String(holder.pid),
    ])
    await wan.#raise('center', CENTER_ADDRESS)
    await wan.#raise('edge', EDGE_ADDRESS)
    return wan
  }

  /** The veth goes down at the edge: what is sent finds no route, what is under way is lost, no packet tells of it. */
  async cut(): Promise<void> {
    await this.#at('edge', 'ip', 'link', 'set', 'wan', 'down')
  }

  async restore(): Promise<void> {
    await this.#at('edge', 'ip', 'link', 'set', 'wan', 'up')
  }

  /** Drops every packet that arrives, or so many in a hundred at random, without a word to its sender. */
  async drop(direction: Direction, percent = 100): Promise<void> {
    const rule = percent === 100 ? 'drop' : `numgen random mod 100 < ${percent} drop`
    const ends: End[] = direction === 'both' ? ['center', 'edge'] : [direction === 'up' ? 'center' : 'edge']
    for (const end of ends) await this.#at(end, 'nft', `add rule inet wan arriving iifname "wan" ${rule}`)
  }

  /** Every packet gets through again. */
  async heal(): Promise<void> {
    for (const end of ['center', 'edge'] as const) await this.#at(end, 'nft', 'flush chain inet wan arriving')
  }

  /** From now on each direction carries so many kbit/s, with a queue of 64 KiB in front. */
  async thin(kbits: number): Promise<void> {
    const shape = ['root', 'tbf', 'rate', `${kbits}kbit`, 'burst', '2000', 'limit', String(QUEUE_BYTES)]
    for (const end of ['center', 'edge'] as const)
      await this.#at(end, 'tc', 'qdisc', 'replace', 'dev', 'wan', ...shape)
  }

  /** An address here (host:port) that leads to a port of the loopback at the edge's end, whatever the line does. */
  async doorTo(port: number): Promise<string> {
    this.#doors += 1
    const path = join(this.#dir, `door-${this.#doors}`)
    const relay = new Child(RELAY, [path, String(port)], { wrapper: this.edgeWrapper })
    this.#scope.after(() => relay.end('SIGKILL'))
    await relay.ready
    const door = await TcpProxy.start({ path })
    this.#scope.after(() => door.close())
    return door.address
  }

  async #raise(end: End, address: string): Promise<void> {
    await this.#at(end, 'ip', 'link', 'set', 'lo', 'up')
    await this.#at(end, 'ip', 'address', 'add', `${address}/30`, 'dev', 'wan')
    await this.#at(end, 'ip', 'link', 'set', 'wan', 'up')
    await this.#at(end, 'nft', 'add table inet wan')
    await this.#at(end, 'nft', 'add chain inet wan arriving { type filter hook input priority 0 ; }')
  }

  async #at(end: End, ...command: string[]): Promise<void> {
    const [program = '', ...args] = end === 'edge' ? [...this.edgeWrapper, ...command] : command
    await exec(program, args)
  }
}
