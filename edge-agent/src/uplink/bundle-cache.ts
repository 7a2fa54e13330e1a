import { copyFile, link, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { MANIFEST_FILE, type ManifestEntry, parseManifest, verifyFile } from '@yizhan/intent'
import {
  type Logger,
  type SealedFiles,
  sha256Hex,
  storageError,
  syncDirectory,
  toYizhanError,
  YizhanError,
} from '@yizhan/kernel'

const DIGEST = /^[0-9a-f]{64}$/
export const STAGING = '.staging-'

/** The name that a file of a bundle is sealed under: by its content, so that bundles can share it. */
export function bundleFileName(sha256: string): string {
  return `bundle ${sha256}`
}

/** Content of a bundle's file, the manifest's under the bundle's digest. Throws `not_found`, and as `SealedFiles` does. */
export function bundleReader(files: SealedFiles): (path: string, sha256: string) => Promise<Buffer> {
  return async (path, sha256) => {
    const bytes = await files.read(path, bundleFileName(sha256))
    if (bytes) return bytes
    throw new YizhanError('not_found', `${path} is not there`, { details: { path } })
  }
}

/**
 * Bundles on this disk, sealed, `<dir>/<digest>/` with their manifest. A directory of that name is whole: bundles are put
 * together under another name and renamed at the end.
 */
export class BundleCache {
  readonly #log: Logger
  readonly #files: SealedFiles
  readonly #read: ReturnType<typeof bundleReader>
  readonly #dir: string

  constructor(log: Logger, files: SealedFiles, dir: string) {
    this.#log = log
    this.#files = files
    this.#read = bundleReader(files)
    this.#dir = dir
  }

  dirOf(digest: string): string {
    if (!DIGEST.test(digest)) throw new YizhanError('invalid_argument', 'a bundle digest is not a SHA-256')
    return join(this.#dir, digest)
  }

  /**
   * The bundle's directory if it is here and every byte of it is right; a damaged one is removed. Throws `key_unknown`
   * if the key store is not the one that sealed it.
   */
  async whole(digest: string): Promise<string | undefined> {
    const dir = this.dirOf(digest)
    try {
      const bytes = await this.#files.read(join(dir, MANIFEST_FILE), bundleFileName(digest))
      if (!bytes) return undefined
      if (sha256Hex(bytes) !== digest) throw new YizhanError('data_corrupt', 'the manifest does not match')
      for (const entry of parseManifest(bytes).files) {
        verifyFile(entry, await this.#read(pathIn(dir, entry), entry.sha256))
      }
      return dir
    } catch (thrown) {
      if (thrown instanceof YizhanError && thrown.code === 'key_unknown') throw thrown
      this.#log.error({ err: toYizhanError(thrown), digest }, 'a bundle on disk is damaged; it is removed')
      await rm(dir, { recursive: true, force: true })
      return undefined
    }
  }

  /** The staging directory of a bundle; what an interrupted fetch left in it is still there. */
  async stage(digest: string): Promise<string> {
    const dir = join(dirname(this.dirOf(digest)), `${STAGING}${digest}`)
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 })
      return dir
    } catch (thrown) {
      throw storageError(thrown, 'make', dir)
    }
  }

  /** Puts a file of another bundle with the same content at `path`; false if there is none. */
  async reuse(entry: ManifestEntry, path: string): Promise<boolean> {
    for (const digest of await this.#digests()) {
      const dir = this.dirOf(digest)
      const manifest = await this.#read(join(dir, MANIFEST_FILE), digest)
        .then(parseManifest)
        .catch(() => undefined)
      const same = manifest?.files.find((file) => file.sha256 === entry.sha256 && file.size === entry.size)
      if (!same) continue
      try {
        const source = pathIn(dir, same)
        verifyFile(entry, await this.#read(source, entry.sha256))
        await rm(path, { force: true })
        await link(source, path).catch(() => copyFile(source, path))
        return true
      } catch (thrown) {
        this.#log.warn({ err: toYizhanError(thrown), digest }, 'a file of an older bundle could not be used')
      }
    }
    return false
  }

  /**
   * Makes a staged bundle, whose files are verified and synced, durable under its digest; returns its directory. The
   * signature is not kept: from here on the signed desired state vouches for the digest, and the digest for the rest.
   */
  async install(digest: string, staging: string, manifest: Uint8Array): Promise<string> {
    // Last, and it syncs the directory: a bundle with a manifest has all its files.
    await this.#files.write(join(staging, MANIFEST_FILE), bundleFileName(digest), manifest)
    const dir = this.dirOf(digest)
    try {
      await rm(dir, { recursive: true, force: true })
      await rename(staging, dir)
    } catch (thrown) {
      throw storageError(thrown, 'install', dir)
    }
    await syncDirectory(this.#dir)
    return dir
  }

  /** Removes every bundle and staging directory whose digest is not in `keep`. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const digest = name.startsWith(STAGING) ? name.slice(STAGING.length) : name
      if (!keep.has(digest)) await rm(join(this.#dir, name), { recursive: true, force: true })
    }
  }

  async #digests(): Promise<string[]> {
    const names = await readdir(this.#dir).catch(() => [])
    return names.filter((name) => DIGEST.test(name))
  }
}

/** A manifest holds plain file names only; one that is something else is refused here once more. */
export function pathIn(dir: string, entry: ManifestEntry): string {
  const path = resolve(dir, entry.path)
  if (dirname(path) !== resolve(dir) || entry.path === MANIFEST_FILE) {
    throw new YizhanError('data_corrupt', 'a bundle names a path outside its directory')
  }
  return path
}
