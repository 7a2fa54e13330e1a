import { open } from 'node:fs/promises'
import { type EdgeId, type Logger, toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  type Bundles,
  type BundlesFetchRequest,
  type BundlesFetchResponse,
  BundlesFetchResponseSchema,
  create,
  DesiredStateSchema,
  fromBinary,
  type Handlers,
} from '@yizhan/proto'
import type { BundleFiles, DesiredStates } from '../fleet/port.js'
import type { GatewayConfig } from './config.js'
import type { GatewayMetrics } from './gateway-metrics.js'
import type { Peer, PeerGate } from './peer.js'
import { refuseCall } from './wire-stream.js'

export interface BundleDeps {
  readonly log: Logger
  readonly metrics: GatewayMetrics
  readonly gate: PeerGate
  readonly desiredStates: DesiredStates
  readonly bundles: BundleFiles
}

type FetchCall = Parameters<Handlers<typeof Bundles>['fetch']>[0]

const DEFAULT_CHUNK = 32 * 1_024
const MIN_CHUNK = 1_024
const MAX_CHUNK = 64 * 1_024
const DIGEST_BYTES = 32

/**
 * Serves Bundles.Fetch: what the edge's desired state names and one of its tenants owns. Everything else is
 * `not_found`, whether it exists or not.
 */
export function bundleHandlers(
  deps: BundleDeps,
  config: Pick<GatewayConfig, 'maxFetches'>,
): Handlers<typeof Bundles> {
  const running = new Map<EdgeId, number>()
  const fetch = async (call: FetchCall) => {
    try {
      const peer = deps.gate.admit(call)
      enter(running, peer.edgeId, config.maxFetches)
      try {
        await transfer(deps, call, peer)
      } finally {
        leave(running, peer.edgeId)
      }
      call.end()
    } catch (thrown) {
      refuseCall(deps, 'fetch', call, toYizhanError(thrown))
    }
  }
  return { fetch }
}

/** Writes the parts as fast as the edge reads them; rejects as soon as the edge no longer counts. */
async function transfer(deps: BundleDeps, call: FetchCall, peer: Peer): Promise<void> {
  let unwatch: () => void = () => undefined
  const refused = new Promise<never>((_, reject) => {
    unwatch = deps.gate.watch(peer, reject)
  })
  refused.catch(() => undefined)
  const parts = partsOf(deps, peer, call.request)
  try {
    for (;;) {
      const next = await Promise.race([parts.next(), refused])
      if (next.done || call.cancelled) return
      if (!call.write(next.value)) await Promise.race([readsAgain(call), refused])
    }
  } finally {
    unwatch()
    await parts.return(undefined)
  }
}

async function* partsOf(
  deps: BundleDeps,
  peer: Peer,
  request: BundlesFetchRequest,
): AsyncGenerator<BundlesFetchResponse> {
  const digest = Buffer.from(request.digest).toString('hex')
  const { bundles } = deps
  const { manifest, signature, keyId } = await manifestFor(deps, peer, request.digest, digest)
  if (request.path === '') {
    yield create(BundlesFetchResponseSchema, {
      part: {
        case: 'manifest',
        value: { $typeName: 'yizhan.v1.BundleManifest', manifest, signature, keyId },
      },
    })
    return
  }
  const file = await bundles.file(digest, request.path)
  if (!file) throw new YizhanError('not_found', 'the bundle has no such file')
  const total = BigInt(file.size)
  if (request.offset > total) throw new YizhanError('invalid_argument', 'offset is past the end of the file')
  const from = Number(request.offset)
  const end = request.maxBytes === 0 ? file.size : Math.min(file.size, from + request.maxBytes)
  yield* chunksOf(file, { from, end, step: chunkBytes(request.chunkBytes) }, peer)
}

async function manifestFor(
  { bundles, desiredStates }: BundleDeps,
  peer: Peer,
  bytes: Uint8Array,
  digest: string,
) {
  const entry = peer.check()
  if (bytes.length === DIGEST_BYTES) {
    const state = fromBinary(DesiredStateSchema, (await desiredStates.current(peer.edgeId)).payload)
    const named = [...state.bundles.map((b) => b.digest), ...state.tenants.map((t) => t.bundleDigest)]
    if (named.some((one) => Buffer.compare(one, bytes) === 0)) {
      const found = await bundles.manifest(digest)
      if (found && entry.tenants.includes(found.tenant)) return found
    }
  }
  throw new YizhanError('not_found', 'this edge has no such bundle')
}

/** At least one chunk, so that the edge learns the size of an empty file and of one that it has already. */
async function* chunksOf(
  { path, size }: { readonly path: string; readonly size: number },
  { from, end, step }: { readonly from: number; readonly end: number; readonly step: number },
  peer: Peer,
): AsyncGenerator<BundlesFetchResponse> {
  const handle = await open(path, 'r')
  try {
    let offset = from
    do {
      peer.check()
      const data = Buffer.alloc(Math.min(step, end - offset))
      const { bytesRead } = await handle.read(data, 0, data.length, offset)
      if (bytesRead < data.length)
        throw new YizhanError('data_corrupt', `${path} is shorter than its manifest says`)
      yield create(BundlesFetchResponseSchema, {
        part: {
          case: 'chunk',
          value: {
            $typeName: 'yizhan.v1.FileChunk',
            offset: BigInt(offset),
            data,
            totalBytes: BigInt(size),
          },
        },
      })
      offset += bytesRead
    } while (offset < end)
  } finally {
    await handle.close()
  }
}

function chunkBytes(asked: number): number {
  return asked === 0 ? DEFAULT_CHUNK : Math.min(Math.max(asked, MIN_CHUNK), MAX_CHUNK)
}

function readsAgain(call: FetchCall): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done)
      call.off('cancelled', done)
      resolve()
    }
    call.on('drain', done)
    call.on('cancelled', done)
    if (call.cancelled || !call.writableNeedDrain) done()
  })
}

function enter(running: Map<EdgeId, number>, edge: EdgeId, most: number): void {
  const others = running.get(edge) ?? 0
  if (others >= most) {
    throw new YizhanError('overloaded', `${most} transfers of this edge are under way`, {
      details: { retryAfterMs: 1_000 },
    })
  }
  running.set(edge, others + 1)
}

function leave(running: Map<EdgeId, number>, edge: EdgeId): void {
  const left = (running.get(edge) ?? 1) - 1
  if (left > 0) running.set(edge, left)
  else running.delete(edge)
}
