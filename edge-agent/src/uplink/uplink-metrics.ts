import type { Metrics } from '@yizhan/kernel'
import type { LinkState } from './port.js'

const STATES = ['unenrolled', 'connecting', 'ready', 'backing-off', 'refused', 'stopped'] as const
type StateName = (typeof STATES)[number]
const ROUND_TRIP_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
]

/** What the uplink counts; registered once per process. */
export interface UplinkMetrics {
  linkState(state: LinkState): void
  reconnect(): void
  frameDropped(stream: 'link' | 'inference' | 'upload', reason: string): void
  roundTrip(ms: number): void
  requestResumed(): void
  requestFault(): void
  bundleBytes(source: 'fetched' | 'reused', bytes: number): void
  uploadBytes(bytes: number): void
}

export function createUplinkMetrics(metrics: Metrics): UplinkMetrics {
  const state = metrics.gauge<'state'>(
    'yizhan_link_state',
    'State of the link to the center: 1 for the one that holds',
    ['state'],
  )
  const reconnects = metrics.counter('yizhan_link_reconnects_total', 'Links opened after the first one')
  const dropped = metrics.counter<'stream' | 'reason'>(
    'yizhan_link_frames_dropped_total',
    'Frames from the center that were not used',
    ['stream', 'reason'],
  )
  const roundTrip = metrics.histogram(
    'yizhan_link_round_trip_seconds',
    'From a heartbeat to its answer',
    [],
    ROUND_TRIP_SECONDS,
  )
  const resumed = metrics.counter('yizhan_inference_resumed_total', 'Requests that went on after a cut')
  const faults = metrics.counter(
    'yizhan_inference_faults_total',
    'Gaps and digest mismatches in streams from the center',
  )
  const bundle = metrics.counter<'source'>(
    'yizhan_bundle_bytes_total',
    'Bytes of bundles put in place, by where they came from',
    ['source'],
  )
  const uploaded = metrics.counter(
    'yizhan_upload_bytes_total',
    "Bytes of records sent to the center's replica",
  )
  return {
    linkState(now) {
      for (const name of STATES) state.set({ state: name }, name === (now.s satisfies StateName) ? 1 : 0)
    },
    reconnect: () => reconnects.inc(),
    frameDropped: (stream, reason) => dropped.inc({ stream, reason }),
    roundTrip: (ms) => roundTrip.observe(ms / 1000),
    requestResumed: () => resumed.inc(),
    requestFault: () => faults.inc(),
    bundleBytes: (source, bytes) => bundle.inc({ source }, bytes),
    uploadBytes: (bytes) => uploaded.inc(bytes),
  }
}
