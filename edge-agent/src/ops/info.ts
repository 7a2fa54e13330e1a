import { type ChannelHealth, ChannelHealthSchema, create } from '@yizhan/proto'
import type { ChannelAdapter, Info } from '../channels/index.js'
import type { TenantHost } from '../tenants/index.js'
import type { StatusParts } from './status.js'

/** What chat clients are told about this edge (`yizhan/info`). */
export function infoOf(parts: StatusParts): Info {
  const live = parts.tenants.list()
  const { link } = parts.uplink
  return {
    edge: parts.uplink.identity?.edgeId ?? '',
    site: parts.site,
    version: parts.version,
    link: {
      state: link.s,
      since: new Date(parts.linkSince()).toISOString(),
      waiting: parts.turns.waitingForCenter(),
    },
    mode: { ...parts.modes.mode, since: new Date(parts.modes.mode.since).toISOString() },
    tenants: live.map(({ tenant, file }) => ({
      id: tenant,
      name: file.name,
      languages: file.languages,
      welcome: file.welcome ?? { text: {}, suggest: [] },
    })),
    defaultTenant: live[0]?.tenant ?? '',
    chat: parts.chat,
  }
}

/** What each heartbeat tells the center about the channels; they serve every tenant of the edge. */
export function channelHealth(
  tenants: Pick<TenantHost, 'list'>,
  channels: readonly ChannelAdapter[],
): ChannelHealth[] {
  return tenants.list().flatMap(({ tenant }) =>
    channels.map((channel) => {
      const { state, lastInboundAt } = channel.health()
      return create(ChannelHealthSchema, {
        tenantId: tenant,
        channelId: channel.id,
        state,
        lastInboundMs: BigInt(Math.round(lastInboundAt)),
      })
    }),
  )
}
