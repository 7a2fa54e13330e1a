import { createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  asTenantId,
  type Clock,
  createMetrics,
  type Metrics,
  silentLogger,
  systemClock,
  type TenantId,
} from '@yizhan/kernel'
import { create, type DesiredState, MessageSchema } from '@yizhan/proto'
import type { StateTarget } from '../desired-state.js'
import { newEdgeKey } from '../edge-key.js'
import { acceptIdentity } from '../held-identity.js'
import { openIdentityStore } from '../identity-store.js'
import type { InferenceRequest, LinkState, Uplink, UploadSource } from '../port.js'
import { startUplink, type UplinkConfig, type UplinkDeps } from '../uplink.js'
import type { TestCenter } from './center.js'
import { Inbox } from './inbox.js'
import { testFiles } from './sealed.js'

export interface Applied {
  readonly state: DesiredState
  readonly dirs: ReadonlyMap<string, string>
}

export interface TestEdge {
  readonly uplink: Uplink
  readonly dir: string
  readonly states: Inbox<LinkState>
  readonly applied: Inbox<Applied>
  readonly metrics: Metrics
  /** Waits for the link to come into a state that it was not seen in before. */
  reached<S extends LinkState['s']>(s: S): Promise<Extract<LinkState, { s: S }>>
}

export interface TestEdgeOptions {
  readonly clock?: Clock
  readonly dir?: string
  readonly target?: StateTarget
  readonly config?: Partial<UplinkConfig>
  /** Of persons: what is reported, and how they are erased. */
  readonly persons?: Pick<UplinkDeps, 'erase' | 'reports'>
  readonly uploads?: UploadSource
  /** What people do to turns. */
  readonly turn?: NonNullable<UplinkDeps['turn']>
}

export function testDirectory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'yizhan-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

// One key for all edges of a test file: keys take long to make.
const edgeKey = newEdgeKey()

/** Puts an identity of `center` into `dir`, as an enrolment would. */
export async function enrolInto(dir: string, center: TestCenter, clock: Clock = systemClock): Promise<void> {
  const store = await openIdentityStore({ clock, log: silentLogger(), files: testFiles }, dir)
  const key = await edgeKey
  await store.save(acceptIdentity(center.registrar.identityFor(createPublicKey(key)), key))
}

/** An uplink to `center` that reconnects at once and stops with the test. `options.dir` is used as it is. */
export async function startTestEdge(
  t: TestContext,
  center: TestCenter,
  options: TestEdgeOptions = {},
): Promise<TestEdge> {
  const clock = options.clock ?? systemClock
  const dir = options.dir ?? testDirectory(t)
  if (options.dir === undefined) await enrolInto(dir, center, clock)
  const states = new Inbox<LinkState>()
  const applied = new Inbox<Applied>()
  const metrics = createMetrics()
  const target: StateTarget = options.target ?? {
    apply: async (state, dirs) => applied.put({ state, dirs }),
  }
  const uplink = await startUplink(
    {
      clock,
      log: silentLogger(),
      metrics,
      random: () => 0.5,
      target,
      files: testFiles,
      journalEpoch: options.uploads?.epoch ?? 7n,
      channelHealth: () => [],
      waitingTurns: () => 3,
      ...options.persons,
      ...(options.uploads ? { uploads: options.uploads } : {}),
      ...(options.turn ? { turn: options.turn } : {}),
    },
    {
      linkAddress: center.linkAddress,
      dir,
      agentVersion: '0.1.0',
      site: 'beijing',
      backoffBaseMs: 20,
      backoffMaxMs: 50,
      refusedRetryMs: 50,
      ...options.config,
    },
  )
  uplink.onLink((state) => states.put(state))
  t.after(() => uplink.stop('test ended'))
  return {
    uplink,
    dir,
    states,
    applied,
    metrics,
    async reached(s) {
      const found = await states.first((state) => state.s === s)
      return found as Extract<LinkState, { s: typeof s }>
    },
  }
}

export const ACME = asTenantId('acme') as TenantId

export function ask(requestId: string, text = 'why?'): InferenceRequest {
  return {
    requestId,
    tenant: ACME,
    message: create(MessageSchema, { tenantId: ACME, text }),
    history: [],
    memoryFrom: undefined,
    knowledge: [],
    answerLocale: 'en',
  }
}
