import type { ServerDuplexStream } from '@grpc/grpc-js'
import { type EdgeId, toYizhanError, YizhanError } from '@yizhan/kernel'
import type { GatewayMetrics } from './gateway-metrics.js'
import type { LinkTable, LiveLink } from './link-table.js'
import { refuseCall, type StreamDeps, WireStream } from './wire-stream.js'

interface LinkStream {
  start(): void
  /** A newer stream of its link takes its place. */
  supersede(): void
}

/** Serves a method of which each live link has one stream: a newer one takes the place of the one before. */
export function streamPerLink<In, Out>(
  deps: StreamDeps & { readonly links: LinkTable; readonly metrics: GatewayMetrics },
  rpc: string,
  open: (stream: WireStream<In, Out>, link: LiveLink, onClosed: () => void) => LinkStream,
): (call: ServerDuplexStream<In, Out>) => void {
  const streams = new Map<EdgeId, LinkStream>()
  return (call) => {
    try {
      const peer = deps.gate.admit(call)
      const link = deps.links.get(peer.edgeId)
      if (!link)
        throw new YizhanError('failed_precondition', 'no live link: Connect comes first', { retryable: true })
      const older = streams.get(peer.edgeId)
      const stream = open(new WireStream(deps, call, peer), link, () => {
        if (streams.get(peer.edgeId) === stream) streams.delete(peer.edgeId)
      })
      streams.set(peer.edgeId, stream)
      older?.supersede()
      stream.start()
    } catch (thrown) {
      refuseCall(deps, rpc, call, toYizhanError(thrown))
    }
  }
}
