import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { TenantFile } from '@yizhan/intent'
import { createMetrics, ManualClock, silentLogger, YizhanError } from '@yizhan/kernel'
import {
  type ChatEvent,
  ChatEventSchema,
  type ChatEventType,
  create,
  FinishReason,
  type Message,
  MessageKind,
} from '@yizhan/proto'
import type { AcceptOutcome, ChannelAdapter, Delta } from '../channels/port.js'
import { createIntake, type Intake } from '../intake/index.js'
import type { ReplyContent, ReplyKind } from '../ledger/index.js'
import type { JournalHost } from '../ledger/segments/index.js'
import { openTestLedger, type TestLedger, textMessage } from '../ledger/testing.js'
import { openTestPrivacy, type TestPrivacy } from '../privacy/testing.js'
import { type Replies, startReplies } from '../replies/index.js'
import { checkMessages, type Skill } from '../skills/index.js'
import { TenantHost } from '../tenants/index.js'
import type { InferenceRequest, InferenceSink, LinkState, Uplink } from '../uplink/port.js'
import type { Classification, Classifier, RouterPolicy } from './port.js'
import { startTurns, type Turns, type TurnsConfig } from './turns.js'

export const acme: TenantFile = {
  format: 1,
  tenant: 'acme',
  name: { zh: '安科', en: 'Acme' },
  languages: ['zh', 'en'],
  operatingPoint: 'balanced',
  welcome: { text: { zh: '您好', en: 'Hello' }, suggest: [{ zh: '怎么连 VPN', en: 'VPN?' }] },
  messages: {},
  intents: {
    'it.vpn': {
      title: { zh: '怎么连 VPN', en: 'How do I connect to the VPN?' },
      reply: { kind: 'text', text: { zh: '扫码登录', en: 'Scan the code' } },
    },
    'it.password': { reply: { kind: 'text', text: { zh: '找管理员', en: 'Ask the admin' } } },
    'travel.policy': {
      reply: { kind: 'forward', knowledge: ['travel'] },
      offline: { zh: '已记下', en: 'Noted for later' },
    },
    slow: { reply: { kind: 'skill', skill: 'slow' } },
    gone: { reply: { kind: 'skill', skill: 'gone' } },
  },
}

/** A model that knows some texts by heart. */
export class FakeClassifier implements Classifier {
  readonly known = new Map<string, Partial<Classification>>()
  failing = false
  asked: string[] = []

  async classify(_tenant: unknown, text: string): Promise<Classification> {
    this.asked.push(text)
    if (this.failing) throw new YizhanError('unavailable', 'no model')
    const base = {
      intent: 'oos',
      score: 0.9,
      match: 'model',
      top: [],
      accept: 0.8,
      askBack: 0.4,
      ms: 0.2,
    } as const
    return { ...base, ...this.known.get(text) }
  }
}

export interface FakeRequest {
  readonly request: InferenceRequest
  readonly sink: InferenceSink
  cancelled: string | undefined
  acked: boolean
  finish(text: string, fields?: Partial<Parameters<InferenceSink['final']>[0]>): void
}

/** A link that is up when the test says so; requests stay with it until the test ends them. */
export class FakeUplink implements Pick<Uplink, 'link' | 'onLink' | 'infer' | 'maxInFlight'> {
  link: LinkState = { s: 'ready', generation: 1n, since: 0 }
  readonly requests: FakeRequest[] = []
  readonly maxInFlight = 32
  readonly #listeners = new Set<(state: LinkState) => void>()

  onLink(fn: (state: LinkState) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  set up(up: boolean) {
    this.link = up
      ? { s: 'ready', generation: 1n, since: 0 }
      : { s: 'backing-off', attempt: 1, until: 0, reason: 'cut' }
    for (const listener of this.#listeners) listener(this.link)
  }

  infer(request: InferenceRequest, sink: InferenceSink) {
    const one: FakeRequest = {
      request,
      sink,
      cancelled: undefined,
      acked: false,
      finish: (text, fields = {}) =>
        sink.final({
          attempt: 1,
          text,
          citations: [],
          model: 'extractive',
          usage: undefined,
          finish: FinishReason.STOP,
          ...fields,
        }),
    }
    this.requests.push(one)
    return {
      cancel: (reason: string) => {
        one.cancelled = reason
      },
      endAck: () => {
        one.acked = true
      },
    }
  }

  /** The questions handed over, in order. */
  get questions(): string[] {
    return this.requests.map(({ request }) => request.message.text)
  }
}

export interface Shown {
  readonly turnId: string
  readonly kind: ReplyKind
  readonly text: string
  readonly content: ReplyContent
}

/** A channel that shows what it is given. */
export class FakeChannel implements ChannelAdapter {
  readonly id = 'web'
  readonly platform = 'web'
  readonly capabilities = { idempotent: true, probe: false, edit: true, stream: true, maxBytes: 65_536 }
  readonly done = new Promise<void>(() => undefined)
  readonly shown: Shown[] = []
  readonly deltas: (Delta & { readonly turnId: string })[] = []
  readonly #listeners = new Set<(conversation: string) => void>()
  readonly #away = new Set<string>()
  #isReachable = true

  /** Whether somebody is there to be shown something. */
  set reachable(now: boolean) {
    this.#isReachable = now
    if (!now) return
    for (const fn of this.#listeners) for (const conversation of this.#away) fn(conversation)
  }

  async deliver(
    turn: { readonly id: string; readonly message: { readonly conversationId: string } },
    reply: { readonly kind: ReplyKind; readonly content: ReplyContent },
  ) {
    const { kind, content } = reply
    if (!this.#isReachable) {
      this.#away.add(turn.message.conversationId)
      return 'unreachable' as const
    }
    this.shown.push({ turnId: turn.id, kind, text: content.text, content })
    return 'confirmed' as const
  }

  delta(turn: { readonly id: string }, delta: Delta): boolean {
    this.deltas.push({ turnId: turn.id, ...delta })
    return true
  }

  onReachable(fn: (conversation: string) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  health() {
    return { state: 'connected', lastInboundAt: 0, clients: 1 } as const
  }

  async stop(): Promise<void> {}

  get texts(): string[] {
    return this.shown.map(({ text }) => text)
  }
}

export interface TestEdge extends TestLedger {
  readonly turns: Turns
  readonly replies: Replies
  readonly intake: Intake
  readonly tenants: TenantHost
  readonly classifier: FakeClassifier
  readonly uplink: FakeUplink
  readonly channel: FakeChannel
  readonly privacy: TestPrivacy
  /** Sends a text of room 1; the id of its turn. */
  say(text: string, fields?: Partial<Omit<Message, '$typeName'>>): Promise<string>
  accept(message: Message): Promise<AcceptOutcome>
  /** Resolves when the condition holds; the test's timeout is the limit. */
  until(holds: () => unknown): Promise<void>
  /** Resolves when the final of a turn has been shown. */
  final(turnId: string): Promise<Shown>
}

export interface EdgeOptions extends Partial<TurnsConfig> {
  readonly clock?: ManualClock
  readonly host?: JournalHost
  readonly linkUp?: boolean
  /** Settled turns in memory. */
  readonly recent?: number
  readonly offSince?: (age: number) => number
  readonly policy?: () => RouterPolicy
  readonly skills?: readonly Skill[]
  /** Null: nobody has said yet who is served. */
  readonly tenants?: readonly TenantFile[] | null
  readonly classifier?: FakeClassifier
}

/** An edge on a real ledger and real replies; the model, the link and the channel are the test's. */
export async function startTestEdge(
  t: TestContext,
  dir: string,
  options: EdgeOptions = {},
): Promise<TestEdge> {
  const {
    clock = new ManualClock(),
    host,
    policy,
    skills,
    linkUp = true,
    recent,
    offSince,
    ...rest
  } = options
  const { tenants: files = [acme], classifier = new FakeClassifier(), ...config } = rest
  const opened = await openTestLedger(t, dir, {
    clock,
    ...(host ? { host } : {}),
    ...(recent === undefined ? {} : { recent }),
    ...(offSince ? { offSince } : {}),
  })
  const { ledger } = opened
  const log = silentLogger()
  const metrics = createMetrics()
  const tenants = new TenantHost({ log, check: checkMessages })
  if (files) tenants.apply(files.map((file) => ({ id: file.tenant, digest: 'd1', file })))
  const uplink = new FakeUplink()
  if (!linkUp) uplink.up = false
  const channel = new FakeChannel()
  const replies = await startReplies({ ledger, clock, log, metrics })
  replies.attach(channel)
  const privacy = await openTestPrivacy(t, join(dir, 'privacy'), clock)
  const turns = startTurns(
    {
      ledger,
      tenants,
      classifier,
      replies,
      uplink,
      clock,
      log,
      metrics,
      consents: privacy.consents,
      random: () => 1,
      ...(policy ? { policy } : {}),
      ...(skills ? { skills } : {}),
    },
    {
      ticketAfterMs: 8_000,
      waitingTtlMs: 86_400_000,
      maxWaiting: 100,
      maxWaitingPerTenant: 50,
      maxWaitingBytes: 1_000_000,
      maxConcurrent: 8,
      handlerMs: 120_000,
      ...config,
    },
  )
  t.after(() => turns.stop('test ends'))
  const intake = createIntake(
    { ledger, turns, tenants, log, metrics },
    { maxWaiting: 100, maxWaitingPerTenant: 50, maxWaitingBytes: 1_000_000, maxTextChars: 4_000 },
  )
  intake.replay()
  const until = async (holds: () => unknown) => {
    while (!holds()) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return {
    ...opened,
    turns,
    replies,
    intake,
    tenants,
    classifier,
    uplink,
    channel,
    privacy,
    async kill() {
      await opened.kill()
      await privacy.records.close()
    },
    until,
    accept: intake.accept,
    async say(text, fields) {
      const outcome = await intake.accept(textMessage(text, fields))
      return outcome.outcome === 'refused' ? assert.fail(outcome.message) : outcome.turnId
    },
    async final(turnId) {
      const find = () => channel.shown.find((one) => one.turnId === turnId && one.kind === 'final')
      await until(find)
      return find() ?? assert.fail()
    },
  }
}

export const otherRoom = { conversationId: 'acme/web/room-2' }

/** The request that was handed to the link as the `count`th, once it is. */
export async function requested(edge: TestEdge, count: number) {
  await edge.until(() => edge.uplink.requests.length >= count)
  return edge.uplink.requests[count - 1] ?? assert.fail()
}

/** The fields of a message that is an event. */
export function eventFields(
  type: ChatEventType,
  fields: Partial<Omit<ChatEvent, '$typeName' | 'type'>> = {},
) {
  return { kind: MessageKind.EVENT, chatEvent: create(ChatEventSchema, { ...fields, type }) }
}

/** What the model says of a text that it is sure about. */
export const sure = (intent: string) => ({ intent, score: 0.97, top: [{ intent, score: 0.97 }] })

/** A skill whose answers the test gives out. */
export function heldSkill() {
  const waiting = new Map<string, (text: string) => void>()
  const skill: Skill = {
    name: 'slow',
    answer: (turn) =>
      new Promise((resolve) => {
        waiting.set(turn.message.text, (text) => resolve({ text }))
      }),
  }
  return { skill, waiting, answer: (question: string, text: string) => waiting.get(question)?.(text) }
}
