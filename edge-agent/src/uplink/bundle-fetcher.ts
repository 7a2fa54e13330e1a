import { rm } from 'node:fs/promises'
import { type ManifestEntry, verifyFile, verifyManifest } from '@yizhan/intent'
import { type Clock, type GrowingFile, type SealedFiles, toYizhanError, YizhanError } from '@yizhan/kernel'
import {
  type BundleManifest,
  Bundles,
  BundlesFetchRequestSchema,
  type BundlesFetchResponse,
  create,
  type RpcClient,
} from '@yizhan/proto'
import { type BundleCache, bundleFileName, bundleReader, pathIn } from './bundle-cache.js'
import type { HeldSigningKey } from './held-identity.js'
import { PieceSize } from './piece-size.js'
import { rpcError } from './rpc-error.js'
import type { UplinkMetrics } from './uplink-metrics.js'

export interface BundleLimits {
  /** A bundle of more bytes is refused. */
  readonly maxBundleBytes: number
  /** A transfer that stands still for this long is given up, in milliseconds. */
  readonly stallMs: number
}

/** Which bundle, and whose it has to be. */
export interface WantedBundle {
  readonly digest: string
  readonly tenant: string
}

type Part = BundlesFetchResponse['part']

/** Where the files of a bundle come from. */
interface Source {
  readonly client: RpcClient
  readonly digest: string
  readonly pieces: PieceSize
}

interface Piece {
  readonly digest: string
  readonly path: string
  readonly offset: number
  readonly chunkBytes: number
  readonly maxBytes: number
}

/**
 * Gets bundles from the center: resumable, every byte verified, in place whole or not at all. Files are asked for piece
 * by piece: what is on the way is little enough that answers are not late behind it.
 */
export class BundleFetcher {
  readonly #clock: Clock
  readonly #metrics: UplinkMetrics
  readonly #cache: BundleCache
  readonly #files: SealedFiles
  readonly #read: ReturnType<typeof bundleReader>
  readonly #limits: BundleLimits

  constructor(
    deps: { clock: Clock; metrics: UplinkMetrics; cache: BundleCache; files: SealedFiles },
    limits: BundleLimits,
  ) {
    this.#clock = deps.clock
    this.#metrics = deps.metrics
    this.#cache = deps.cache
    this.#files = deps.files
    this.#read = bundleReader(deps.files)
    this.#limits = limits
  }

  /**
   * The directory of the bundle, fetched over `client` if it is not here. Throws `data_corrupt`, `too_large`,
   * `not_found`, `disk_full`, or what the call failed with; what has arrived is kept for the next try.
   */
  async fetch(
    wanted: WantedBundle,
    client: RpcClient,
    keys: readonly HeldSigningKey[],
    signal: AbortSignal,
  ): Promise<string> {
    const here = await this.#cache.whole(wanted.digest)
    if (here) return here
    const signed = await this.#manifest(wanted.digest, client, signal)
    const publicKeys = keys.map((key) => key.publicKey)
    const manifest = verifyManifest(signed.manifest, signed.signature, publicKeys, wanted.digest)
    if (manifest.tenant !== wanted.tenant) {
      throw new YizhanError('permission_denied', `bundle ${wanted.digest} is not of tenant ${wanted.tenant}`)
    }
    const total = manifest.files.reduce((sum, file) => sum + file.size, 0)
    if (total > this.#limits.maxBundleBytes) {
      throw new YizhanError('too_large', `bundle ${wanted.digest} has ${total} bytes`)
    }
    const staging = await this.#cache.stage(wanted.digest)
    const pieces = new PieceSize(this.#clock)
    for (const entry of manifest.files) {
      const path = pathIn(staging, entry)
      if (await this.#cache.reuse(entry, path)) this.#metrics.bundleBytes('reused', entry.size)
      else await this.#file({ client, digest: wanted.digest, pieces }, entry, path, signal)
    }
    return this.#cache.install(wanted.digest, staging, signed.manifest)
  }

  async #manifest(digest: string, client: RpcClient, signal: AbortSignal): Promise<BundleManifest> {
    const wanted = { digest, path: '', offset: 0, chunkBytes: 0, maxBytes: 0 }
    for await (const part of this.#parts(client, wanted, signal)) {
      if (part.case === 'manifest') return part.value
    }
    throw new YizhanError('data_corrupt', `the center sent no manifest of bundle ${digest}`)
  }

  async #file(source: Source, entry: ManifestEntry, path: string, signal: AbortSignal): Promise<void> {
    const startedAt = await this.#download(source, entry, path, signal)
    try {
      verifyFile(entry, await this.#read(path, entry.sha256))
    } catch (thrown) {
      await rm(path, { force: true })
      // The part of an earlier try may be at fault; a file that came whole is not asked for twice.
      if (startedAt === 0) throw toYizhanError(thrown, 'data_corrupt')
      await this.#file(source, entry, path, signal)
    }
  }

  /** Completes the file at `path`; returns the offset at which it began. */
  async #download(source: Source, entry: ManifestEntry, path: string, signal: AbortSignal): Promise<number> {
    const file = await this.#files.grow(path, bundleFileName(entry.sha256))
    try {
      const start = file.bytes <= entry.size ? file.bytes : 0
      if (start !== file.bytes) await file.clear()
      for (let offset = start; offset < entry.size; ) {
        const arrived = await this.#piece(source, entry, offset, file, signal)
        if (arrived === 0) throw new YizhanError('unavailable', `${entry.path} broke off at ${offset} bytes`)
        offset += arrived
      }
      await file.sync()
      return start
    } finally {
      await file.close()
    }
  }

  /** Appends what one call brings of the file from `offset` on; returns how much that was. */
  async #piece(
    { client, digest, pieces }: Source,
    entry: ManifestEntry,
    offset: number,
    file: GrowingFile,
    signal: AbortSignal,
  ): Promise<number> {
    const { bytes: maxBytes, chunkBytes } = pieces
    let at = offset
    for await (const part of this.#parts(
      client,
      { digest, path: entry.path, offset, chunkBytes, maxBytes },
      signal,
    )) {
      if (part.case !== 'chunk')
        throw new YizhanError('data_corrupt', 'the center sent something else than a chunk')
      const { data, totalBytes } = part.value
      const fits =
        part.value.offset === BigInt(at) &&
        totalBytes === BigInt(entry.size) &&
        at + data.length <= entry.size
      if (!fits) throw new YizhanError('data_corrupt', `a chunk of ${entry.path} does not fit where it says`)
      pieces.arrived(data.length)
      await file.append(data)
      at += data.length
      this.#metrics.bundleBytes('fetched', data.length)
    }
    pieces.done()
    return at - offset
  }

  async *#parts(client: RpcClient, want: Piece, signal: AbortSignal): AsyncGenerator<Part> {
    signal.throwIfAborted()
    const call = client.serverStream(
      Bundles.method.fetch,
      create(BundlesFetchRequestSchema, {
        digest: Buffer.from(want.digest, 'hex'),
        path: want.path,
        offset: BigInt(want.offset),
        chunkBytes: want.chunkBytes,
        maxBytes: want.maxBytes,
      }),
    )
    const onAbort = () => call.cancel()
    const watch = () => this.#clock.after(this.#limits.stallMs, onAbort)
    let cancelWatch = watch()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      const responses: AsyncIterable<BundlesFetchResponse> = call
      for await (const { part } of responses) {
        cancelWatch()
        yield part
        cancelWatch = watch()
      }
    } catch (thrown) {
      signal.throwIfAborted()
      const error = rpcError(thrown)
      throw error.code === 'cancelled' ? new YizhanError('unavailable', 'the transfer stood still') : error
    } finally {
      cancelWatch()
      signal.removeEventListener('abort', onAbort)
      call.on('error', () => undefined)
      call.cancel()
    }
  }
}
