import type { Metrics } from '@yizhan/kernel'

/** What the gateway counts. Edges are no label: there are too many. */
export function gatewayMetrics(metrics: Metrics) {
  return {
    links: metrics.gauge('yizhan_gateway_links', 'Live links of edges'),
    linksOpened: metrics.counter('yizhan_gateway_links_opened_total', 'Links that got a Welcome'),
    linksEnded: metrics.counter('yizhan_gateway_links_ended_total', 'Links that ended, by error code', [
      'code',
    ]),
    refusals: metrics.counter(
      'yizhan_gateway_refusals_total',
      'Calls and streams that were refused or ended with an error, by rpc and code',
      ['rpc', 'code'],
    ),
    framesDropped: metrics.counter(
      'yizhan_gateway_frames_dropped_total',
      'Frames that were not acted on, by rpc and reason',
      ['rpc', 'reason'],
    ),
    inFlight: metrics.gauge('yizhan_gateway_requests_in_flight', 'Requests of edges that run or wait'),
    floods: metrics.counter(
      'yizhan_gateway_floods_total',
      'Connections closed for sending little but overhead',
    ),
    shed: metrics.counter(
      'yizhan_gateway_connections_shed_total',
      'Connections reset at once because too many were in their handshake',
    ),
    waitingTurns: metrics.gauge(
      'yizhan_gateway_waiting_turns',
      'Turns that wait at linked edges for the center',
    ),
  }
}

export type GatewayMetrics = ReturnType<typeof gatewayMetrics>
