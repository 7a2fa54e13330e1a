import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import {
  buildManifest,
  MANIFEST_FILE,
  type Manifest,
  parseManifest,
  SIGNATURE_FILE,
  signManifest,
} from '@yizhan/intent'
import {
  parseJson,
  sha256Hex,
  storageError,
  syncDirectory,
  systemCode,
  type TenantId,
  YizhanError,
} from '@yizhan/kernel'
import type { BundleFiles, Signer } from '../fleet/port.js'

/** The file beside the manifest; edges get both of it in an answer and never as a file. */
const Signature = Type.Object({ keyId: Type.String(), signature: Type.String() })
const DIGEST = /^[0-9a-f]{64}$/

export interface NewBundle {
  readonly tenant: TenantId
  /** Grows with every bundle of a tenant. */
  readonly version: number
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number
  /** Content by name. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** Bundles on this disk, `<dir>/<digest>/`; written whole or not at all, never changed afterwards. */
export class BundleStore implements BundleFiles {
  readonly #dir: string
  readonly #signer: Signer

  constructor(dir: string, signer: Signer) {
    this.#dir = dir
    this.#signer = signer
  }

  /** Signs and writes a bundle; durable when it resolves. The same content gives the same digest and is kept once. */
  async add(bundle: NewBundle): Promise<{ readonly digest: string; readonly sizeBytes: number }> {
    const manifest = buildManifest(bundle)
    const digest = sha256Hex(manifest)
    const { keyId, privateKey } = this.#signer.current
    const signature = Buffer.from(signManifest(manifest, privateKey)).toString('base64')
    const sizeBytes = [...bundle.files.values()].reduce((sum, content) => sum + content.byteLength, 0)
    if (await this.has(digest)) return { digest, sizeBytes }
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o700 })
      const staging = await mkdtemp(join(this.#dir, '.staging-'))
      try {
        for (const [name, content] of bundle.files) await writeSynced(join(staging, name), content)
        await writeSynced(join(staging, SIGNATURE_FILE), Buffer.from(JSON.stringify({ keyId, signature })))
        await writeSynced(join(staging, MANIFEST_FILE), manifest)
        await syncDirectory(staging)
        await rename(staging, join(this.#dir, digest)).catch(async (thrown: unknown) => {
          // Somebody else was faster with the same content.
          if (!(await this.has(digest))) throw thrown
        })
        await syncDirectory(this.#dir)
      } finally {
        await rm(staging, { recursive: true, force: true })
      }
    } catch (thrown) {
      throw storageError(thrown, 'write the bundle to', this.#dir)
    }
    return { digest, sizeBytes }
  }

  async manifest(digest: string) {
    const manifest = await this.#read(digest, MANIFEST_FILE)
    if (!manifest) return undefined
    const signed = await this.#read(digest, SIGNATURE_FILE)
    const { keyId, signature } = signatureIn(digest, signed)
    return { manifest, signature, keyId, tenant: listed(digest, manifest).tenant }
  }

  async file(digest: string, path: string) {
    const manifest = await this.#read(digest, MANIFEST_FILE)
    const entry = manifest && listed(digest, manifest).files.find((file) => file.path === path)
    return entry && { path: join(this.#dir, digest, entry.path), size: entry.size }
  }

  /** Every file of a bundle by name; undefined if there is no such bundle. */
  async files(digest: string): Promise<Map<string, Uint8Array> | undefined> {
    const manifest = await this.#read(digest, MANIFEST_FILE)
    if (!manifest) return undefined
    const files = new Map<string, Uint8Array>()
    for (const { path } of listed(digest, manifest).files) {
      const content = await this.#read(digest, path)
      if (!content) throw damaged(digest, `${path} is missing`)
      files.set(path, content)
    }
    return files
  }

  async has(digest: string): Promise<boolean> {
    if (!DIGEST.test(digest)) return false
    const path = join(this.#dir, digest, MANIFEST_FILE)
    return stat(path).then(
      () => true,
      (thrown: unknown) => {
        if (systemCode(thrown) === 'ENOENT') return false
        throw storageError(thrown, 'read', path)
      },
    )
  }

  /** Idempotent. */
  async remove(digest: string): Promise<void> {
    if (!DIGEST.test(digest)) return
    const path = join(this.#dir, digest)
    await rm(path, { recursive: true, force: true }).catch((thrown: unknown) => {
      throw storageError(thrown, 'delete', path)
    })
  }

  /** Removes half-written bundles of a former life and every digest that is not in `keep`; tells how many. */
  async sweep(keep: ReadonlySet<string>): Promise<number> {
    try {
      const names = await readdir(this.#dir)
      const stale = names.filter((name) => !keep.has(name))
      for (const name of stale) await rm(join(this.#dir, name), { recursive: true, force: true })
      return stale.length
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return 0
      throw storageError(thrown, 'clear', this.#dir)
    }
  }

  /** Undefined if there is no such bundle. */
  async #read(digest: string, name: string): Promise<Buffer | undefined> {
    if (!DIGEST.test(digest)) return undefined
    const path = join(this.#dir, digest, name)
    try {
      return await readFile(path)
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return undefined
      throw storageError(thrown, 'read', path)
    }
  }
}

function listed(digest: string, manifest: Uint8Array): Manifest {
  try {
    return parseManifest(manifest)
  } catch (cause) {
    throw damaged(digest, 'its manifest cannot be read', cause)
  }
}

function signatureIn(digest: string, bytes: Buffer | undefined) {
  try {
    const { keyId, signature } = Value.Decode(Signature, parseJson(bytes?.toString('utf8') ?? ''))
    return { keyId, signature: Buffer.from(signature, 'base64') }
  } catch (cause) {
    throw damaged(digest, 'its signature cannot be read', cause)
  }
}

function damaged(digest: string, why: string, cause?: unknown): YizhanError {
  return new YizhanError('data_corrupt', `the bundle ${digest} is damaged: ${why}`, {
    cause,
    hint: 'remove its directory, restart the center and apply the tenant again',
  })
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}
