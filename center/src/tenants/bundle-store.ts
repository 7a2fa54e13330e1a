import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { buildManifest, MANIFEST_FILE, parseManifest, signManifest } from '@yizhan/intent'
import { asTenantId, parseJson, sha256Hex, syncDirectory, type TenantId, YizhanError } from '@yizhan/kernel'
import type { BundleFiles, Signer } from '../fleet/port.js'

const SIGNATURE_FILE = 'signature.json'
const DIGEST = /^[0-9a-f]{64}$/

/** Bundles on this disk, `<dir>/<digest>/`; written whole or not at all, never changed afterwards. */
export class BundleStore implements BundleFiles {
  readonly #dir: string
  readonly #signer: Signer

  constructor(dir: string, signer: Signer) {
    this.#dir = dir
    this.#signer = signer
  }

  /** Signs and writes a tenant's bundle; durable when it resolves. The same content gives the same digest. */
  async add(
    tenant: TenantId,
    version: number,
    createdAt: number,
    files: ReadonlyMap<string, Uint8Array>,
  ): Promise<{ readonly digest: string; readonly sizeBytes: number; readonly dir: string }> {
    const manifest = buildManifest({ tenant, version, createdAt, files })
    const digest = sha256Hex(manifest)
    const sizeBytes = [...files.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0)
    const dir = join(this.#dir, digest)
    const { keyId, privateKey } = this.#signer.current
    const signature = Buffer.from(signManifest(manifest, privateKey)).toString('base64')
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const staging = await mkdtemp(join(this.#dir, '.staging-'))
    try {
      for (const [name, bytes] of files) await writeSynced(join(staging, name), bytes)
      await writeSynced(join(staging, SIGNATURE_FILE), Buffer.from(JSON.stringify({ keyId, signature })))
      await writeSynced(join(staging, MANIFEST_FILE), manifest)
      await rename(staging, dir).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
        await rm(staging, { recursive: true, force: true })
      })
      await syncDirectory(this.#dir)
    } catch (cause) {
      await rm(staging, { recursive: true, force: true })
      throw new YizhanError('storage_failed', `the bundle of ${tenant} could not be written`, { cause })
    }
    return { digest, sizeBytes, dir }
  }

  async manifest(digest: string) {
    if (!DIGEST.test(digest)) return undefined
    const dir = join(this.#dir, digest)
    const manifest = await readFile(join(dir, MANIFEST_FILE)).catch(() => undefined)
    if (!manifest) return undefined
    const signed = parseJson(await readFile(join(dir, SIGNATURE_FILE), 'utf8')) as {
      keyId: string
      signature: string
    }
    const tenant = asTenantId(parseManifest(manifest).tenant)
    if (!tenant) throw new YizhanError('data_corrupt', `bundle ${digest} names no tenant`)
    return { manifest, signature: Buffer.from(signed.signature, 'base64'), keyId: signed.keyId, tenant }
  }

  async file(digest: string, path: string) {
    const found = await this.manifest(digest)
    if (!found) return undefined
    const entry = parseManifest(found.manifest).files.find((file) => file.path === path)
    return entry ? { path: join(this.#dir, digest, entry.path), size: entry.size } : undefined
  }

  /** Where the bundle stands, if it is here. */
  async dir(digest: string): Promise<string | undefined> {
    if (!DIGEST.test(digest)) return undefined
    const dir = join(this.#dir, digest)
    return (await stat(join(dir, MANIFEST_FILE)).catch(() => undefined)) ? dir : undefined
  }

  /** Removes half-written bundles of a former life and every digest that is not in `keep`. */
  async sweep(keep: ReadonlySet<string>): Promise<number> {
    const names = await readdir(this.#dir).catch(() => [])
    const stale = names.filter((name) => !keep.has(name))
    for (const name of stale) await rm(join(this.#dir, name), { recursive: true, force: true })
    return stale.length
  }
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
