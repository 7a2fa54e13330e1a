import assert from 'node:assert/strict'
import { adminCall, adminSocketPath } from '@yizhan/kernel'
import { BRANCH, type EdgeNode, Installation } from '../support/installation.js'
import { check, type Verdict, type VisibleTurn } from './checker.js'
import { Load, type LoadOptions } from './load.js'
import type { CaseContext, Figures } from './runner/case.js'
import { StubEngine, type StubOptions } from './stub-engine.js'

type Env = Readonly<Record<string, string>>

/** Settings of a center: a link ends when three heartbeats are missing, and they come ten times as often as usual. */
export const QUICK_LINK: Env = {
  YIZHAN_GATEWAY__HEARTBEAT_MS: '1000',
  YIZHAN_GATEWAY__KEEPALIVE_MS: '1500',
  YIZHAN_GATEWAY__KEEPALIVE_TIMEOUT_MS: '1000',
}

export interface StationOptions {
  readonly engine?: StubOptions
  /** Settings of the center besides the engine's. */
  readonly centerEnv?: Env
  readonly edgeEnv?: Env
  /** Commands that exec the programs, such as `ip netns exec NAME`. */
  readonly centerWrapper?: readonly string[]
  readonly edgeWrapper?: readonly string[]
  /** Directory of a tenant `acme`; default `BRANCH`. */
  readonly tenant?: string
  /** The edge dials the center itself, past its proxy. */
  readonly direct?: boolean
}

export interface Station {
  readonly all: Installation
  readonly edge: EdgeNode
  readonly engine: StubEngine
  /** People at the edge; connected, not yet asking. */
  load(options?: Partial<LoadOptions>): Promise<Load>
  /** What `status` of the edge says now. */
  status(): Promise<EdgeStatus>
  /** What the edge shows to a person: open turns, and recent ones that have ended. */
  visible(): Promise<VisibleTurn[]>
  /**
   * Asks no more, waits until everything acknowledged is answered, and holds the whole against the model. Rejects with the
   * figures if something was lost, doubled, reordered or garbled.
   */
  judge(load: Load, options?: JudgeOptions): Promise<Verdict>
}

/** What cases look at. */
export interface EdgeStatus {
  readonly link: { readonly state: string; readonly generation?: number }
  readonly turns: { readonly open: number; readonly waitingForCenter: number }
  readonly journal: {
    readonly epoch: string
    readonly lostRecords: number
    readonly quarantined: string | null
  }
}

export interface JudgeOptions {
  /** How long answers may take; then what is open has to be in front of a person. Default 60,000. */
  readonly withinMs?: number
}

/** A center with a stub engine behind it, one edge behind a proxy, the tenant `acme`. Ends with the case. */
export async function startStation(context: CaseContext, options: StationOptions = {}): Promise<Station> {
  const engine = await StubEngine.start(context, options.engine)
  const centerEnv = { ...engine.settings, ...options.centerEnv }
  const all = await Installation.start(context, centerEnv, options.centerWrapper)
  await all.apply(options.tenant ?? BRANCH)
  const edgeEnv = {
    YIZHAN_UPLINK__BACKOFF_BASE_MS: '50',
    YIZHAN_UPLINK__BACKOFF_MAX_MS: '200',
    ...options.edgeEnv,
  }
  const { edgeWrapper: wrapper = [], direct = false } = options
  const edge = await all.addEdge('branch', ['acme'], edgeEnv, { wrapper, direct })
  const visible = () => admin<VisibleTurn[]>(edge, `/v1/turns?limit=${MOST_TURNS}`)
  const loads: Load[] = []
  const onTimeUp = () => {
    for (const { acked, answers, open } of loads)
      context.say(`load: ${JSON.stringify({ acked, answers, open })}`)
    for (const child of [edge.child, all.center]) {
      const state = child.running ? 'is running' : 'has ended'
      context.say(
        `${child === edge.child ? 'the edge' : 'the center'} ${state}; the end of its log:\n${child.log.slice(-LOG_TAIL)}`,
      )
    }
  }
  context.signal.addEventListener('abort', onTimeUp, { once: true })
  return {
    all,
    edge,
    engine,
    status: () => admin<EdgeStatus>(edge, '/v1/status'),
    visible,
    async load(more = {}) {
      const load = await Load.connect(context, { url: edge.mqtt, engine, random: context.random, ...more })
      loads.push(load)
      return load
    },
    async judge(load, { withinMs = 60_000 } = {}) {
      load.pause()
      // What is still open then must be in front of a person.
      await load.settledWithin(withinMs, context.signal)
      const verdict = check(load.log, load.open > 0 ? await visible() : [])
      stands(verdict)
      return verdict
    },
  }
}

/** The figures of a verdict, as every case reports them. */
export function figuresOf({ wrong: _words, ...counts }: Verdict): Figures {
  return counts
}

/** Rejects a verdict in which anything was lost, doubled, reordered or garbled; the error carries the figures. */
export function stands(verdict: Verdict): void {
  const { lost, doubled, reordered, garbled, wrong } = verdict
  const found = { lost, doubled, reordered, garbled }
  try {
    assert.deepEqual(found, { lost: 0, doubled: 0, reordered: 0, garbled: 0 }, wrong.slice(0, 20).join('\n'))
    assert.deepEqual(wrong, [])
  } catch (thrown) {
    throw Object.assign(thrown as Error, { figures: figuresOf(verdict) })
  }
}

const MOST_TURNS = 1_000
/** Of each program, when the time of a case is over. */
const LOG_TAIL = 4_000

async function admin<T>(edge: Pick<EdgeNode, 'state'>, path: string): Promise<T> {
  return (await adminCall(adminSocketPath(edge.state), 'GET', path, undefined, { timeoutMs: 30_000 })) as T
}
