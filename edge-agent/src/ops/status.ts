import type { Info } from '../channels/index.js'
import type { ChannelAdapter } from '../channels/port.js'
import {
  type EdgeLedger,
  isTerminal,
  type Journal,
  type Reply,
  type ReplyState,
  type Turn,
  type UploadMark,
} from '../ledger/index.js'
import type { OfflineLease, ReportOutbox } from '../privacy/index.js'
import type { Turns } from '../router/index.js'
import type { TenantHost } from '../tenants/index.js'
import type { Uplink } from '../uplink/port.js'

import type { OperatingModes } from './operating-mode.js'

export interface StatusParts {
  readonly version: string
  readonly site: string
  readonly startedAt: number
  /** What chat clients are told about the chat. */
  readonly chat: Info['chat']
  readonly uplink: Pick<Uplink, 'link' | 'onLink' | 'identity'>
  /** When the link got into its present state; wall clock, milliseconds. */
  linkSince(): number
  readonly tenants: Pick<TenantHost, 'list' | 'onChange'>
  readonly turns: Pick<Turns, 'waitingForCenter' | 'held' | 'load' | 'mend'>
  readonly modes: Pick<OperatingModes, 'mode'>
  readonly lease: Pick<OfflineLease, 'status'>
  readonly reports: Pick<ReportOutbox, 'waiting'>
  readonly channels: readonly ChannelAdapter[]
  readonly journal: Pick<Journal, 'quarantined' | 'durable'>
  readonly mark: Pick<UploadMark, 'acked' | 'dropped' | 'known'>
  readonly ledger: Pick<EdgeLedger, 'open' | 'recent' | 'epoch' | 'lost'>
}

/** What `yizhan-edge status` shows; plain JSON. */
export function statusOf(parts: StatusParts): Record<string, unknown> {
  const { identity } = parts.uplink
  const open = parts.ledger.open()
  return {
    version: parts.version,
    site: parts.site,
    startedAt: new Date(parts.startedAt).toISOString(),
    edge: identity?.edgeId ?? null,
    certificate: identity
      ? { serial: identity.serial, notAfter: new Date(identity.notAfter).toISOString() }
      : null,
    mode: { ...parts.modes.mode, since: new Date(parts.modes.mode.since).toISOString() },
    link: linkOf(parts.uplink.link),
    tenants: parts.tenants.list().map(({ tenant, digest }) => ({ tenant, digest })),
    channels: parts.channels.map((channel) => {
      const { state, lastInboundAt, clients } = channel.health()
      const last = lastInboundAt === 0 ? null : new Date(lastInboundAt).toISOString()
      return { channel: channel.id, platform: channel.platform, state, lastInbound: last, clients }
    }),
    turns: {
      open: open.filter((turn) => !isTerminal(turn.state)).length,
      waitingForCenter: parts.turns.waitingForCenter(),
      waitingForConsent: parts.turns.held,
      ...parts.turns.load,
    },
    // Who has not got an answer, or may not have: somebody must look.
    replies: {
      waiting: countReplies(open, ['pending', 'attempting']),
      unknown: countReplies(open, ['unknown']),
      failed: countReplies(parts.ledger.recent(RECENT), ['failed']),
    },
    // How long this edge may keep what it holds of persons without the center, and what the center has yet to hear of them.
    privacy: { lease: parts.lease.status, reportsWaiting: parts.reports.waiting },
    // What this disk has lost, if it has: somebody must look.
    journal: {
      epoch: parts.ledger.epoch.toString(16),
      lostRecords: parts.ledger.lost,
      quarantined: parts.journal.quarantined ?? null,
      lostTurns: parts.mark.known,
    },
    // Journal records: what the center has yet to get, and what went before it had it.
    upload: {
      lag: Math.max(0, parts.journal.durable - 1 - parts.mark.acked),
      dropped: parts.mark.dropped,
    },
  }
}

/** Of so many turns failed replies are counted. */
const RECENT = 1_000

function countReplies(turns: readonly Turn[], states: readonly ReplyState[]): number {
  const isMeant = (reply: Reply | undefined) => reply !== undefined && states.includes(reply.state)
  return turns.filter(({ notice, final }) => isMeant(notice) || isMeant(final)).length
}

function linkOf(link: Uplink['link']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(link).map(([key, value]) => [
      key === 's' ? 'state' : key,
      typeof value === 'bigint' ? Number(value) : value,
    ]),
  )
}

export interface Wanted {
  /** A tenant, or `tenant@digest`. */
  readonly tenant?: string
  readonly link?: 'ready' | 'down'
}

/** Resolves as soon as the edge is as wanted; rejects with the signal's reason. */
export function waitFor(parts: StatusParts, wanted: Wanted, signal: AbortSignal): Promise<void> {
  const [tenant, digest] = wanted.tenant?.split('@') ?? []
  const holds = () => {
    const up = parts.uplink.link.s === 'ready'
    if (wanted.link !== undefined && up !== (wanted.link === 'ready')) return false
    if (tenant === undefined) return true
    const served = parts.tenants.list().find((t) => t.tenant === tenant)
    return served !== undefined && (digest === undefined || served.digest === digest)
  }
  return new Promise((resolve, reject) => {
    const unsubscribe: (() => void)[] = []
    const end = () => {
      for (const fn of unsubscribe) fn()
      signal.removeEventListener('abort', onAbort)
    }
    const onAbort = () => {
      end()
      reject(signal.reason)
    }
    const look = () => {
      if (!holds()) return false
      end()
      resolve()
      return true
    }
    if (signal.aborted) return onAbort()
    if (look()) return
    signal.addEventListener('abort', onAbort, { once: true })
    unsubscribe.push(parts.uplink.onLink(look), parts.tenants.onChange(look))
  })
}
