import type { ServerWritableStream } from '@grpc/grpc-js'
import { status } from '@grpc/grpc-js'
import { buildManifest, signManifest } from '@yizhan/intent'
import { asTenantId, sha256Hex, type TenantId } from '@yizhan/kernel'
import {
  type BundlesFetchRequest,
  type BundlesFetchResponse,
  BundlesFetchResponseSchema,
  create,
} from '@yizhan/proto'
import { Inbox } from './inbox.js'
import { failure, type TestRegistrar } from './registrar.js'

interface Bundle {
  readonly manifest: Uint8Array
  signature: Uint8Array
  readonly files: Map<string, Uint8Array>
}

/** For tests: signed bundles, and what was fetched of them. */
export class TestShelf {
  readonly bundles = new Map<string, Bundle>()
  /** `path@offset` of every fetch of a file. */
  readonly fetched: string[] = []
  /** The most that each of them asked for. */
  readonly asked: number[] = []
  /** Answers with the whole rest of a file, as centers did before pieces could be asked for. */
  wholeFiles = false
  /** Ends a transfer with UNAVAILABLE each time that so many bytes were sent, until set back. */
  breakAfter = Number.POSITIVE_INFINITY
  #sent = 0
  /** Takes every call and answers none; what it takes is in `hung`. */
  hangs = false
  readonly hung = new Inbox<BundlesFetchRequest>()
  readonly #registrar: TestRegistrar

  constructor(registrar: TestRegistrar) {
    this.#registrar = registrar
  }

  /** Puts a bundle on the shelf; returns its digest in hex. */
  add(files: Readonly<Record<string, string>>, tenant = 'acme', version = 1): string {
    const content = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]))
    const id = asTenantId(tenant) as TenantId
    const manifest = buildManifest({ tenant: id, version, createdAt: 0, files: content })
    const digest = sha256Hex(manifest)
    const signature = signManifest(manifest, this.#registrar.signingKey)
    this.bundles.set(digest, { manifest, signature, files: content })
    return digest
  }

  readonly fetch = (call: ServerWritableStream<BundlesFetchRequest, BundlesFetchResponse>): void => {
    if (this.hangs) {
      this.hung.put(call.request)
      return
    }
    const { digest, path, offset, chunkBytes, maxBytes } = call.request
    const bundle = this.bundles.get(Buffer.from(digest).toString('hex'))
    const file = bundle?.files.get(path)
    if (!bundle || (path !== '' && !file)) {
      call.emit('error', failure(status.NOT_FOUND, 'no such bundle'))
      return
    }
    if (!file) {
      const { manifest, signature } = bundle
      const value = { manifest, signature, keyId: this.#registrar.keyId }
      call.write(create(BundlesFetchResponseSchema, { part: { case: 'manifest', value } }))
      call.end()
      return
    }
    this.fetched.push(`${path}@${offset}`)
    this.asked.push(maxBytes)
    const whole = this.wholeFiles || maxBytes === 0
    const wanted = whole ? file.length : Math.min(file.length, Number(offset) + maxBytes)
    const end = Math.min(wanted, Number(offset) + this.breakAfter - this.#sent)
    for (let at = Number(offset); at < end; at += chunkBytes) {
      const data = file.subarray(at, Math.min(end, at + chunkBytes))
      const value = { offset: BigInt(at), data, totalBytes: BigInt(file.length) }
      call.write(create(BundlesFetchResponseSchema, { part: { case: 'chunk', value } }))
    }
    this.#sent = end < wanted ? 0 : this.#sent + end - Number(offset)
    if (end < wanted) call.emit('error', failure(status.UNAVAILABLE, 'broken off by the test'))
    else call.end()
  }
}
