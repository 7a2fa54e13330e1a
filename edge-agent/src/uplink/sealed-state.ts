import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MANIFEST_FILE, parseManifest } from '@yizhan/intent'
import {
  type Logger,
  readFileIfExists,
  type SealedFiles,
  toYizhanError,
  writeFileAtomic,
  YizhanError,
} from '@yizhan/kernel'
import { bundleFileName, bundleReader, pathIn, STAGING } from './bundle-cache.js'
import { ENROLMENT_KEY_FILE, IDENTITY_ASIDE, IDENTITY_FILE } from './identity-store.js'
import { STATE_FILES } from './state-cache.js'

export const BUNDLES = 'bundles'
/** From when it is there on, a plain file is a forged one. */
const MARK = 'sealed'

/**
 * Seals the plain files that an older version left in `dir` (made if absent, 0700); once, then it only looks whether that
 * was done. After a crash it goes on. Bundles that are not whole are removed: the center sends them again.
 */
export async function sealPlainState(
  { log, files }: { log: Logger; files: SealedFiles },
  dir: string,
): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const mark = join(dir, MARK)
  if (await readFileIfExists(mark)) return
  let count = 0
  const seal = async (path: string, name: string) => {
    if (await files.seal(path, name)) count += 1
  }
  for (const { path, name } of [IDENTITY_FILE, ENROLMENT_KEY_FILE]) await seal(join(dir, path), name)
  for (const path of await readdir(dir)) {
    if (path.startsWith(IDENTITY_ASIDE)) await seal(join(dir, path), IDENTITY_FILE.name)
  }
  for (const path of STATE_FILES.paths) await seal(join(dir, path), STATE_FILES.name)
  const bundles = join(dir, BUNDLES)
  for (const digest of await readdir(bundles).catch(() => [])) {
    const bundle = join(bundles, digest)
    try {
      if (digest.startsWith(STAGING)) throw new YizhanError('unavailable', 'it has not arrived yet')
      await seal(join(bundle, MANIFEST_FILE), bundleFileName(digest))
      const manifest = parseManifest(await bundleReader(files)(join(bundle, MANIFEST_FILE), digest))
      for (const entry of manifest.files) await seal(pathIn(bundle, entry), bundleFileName(entry.sha256))
    } catch (thrown) {
      const err = toYizhanError(thrown)
      if (['key_unknown', 'disk_full', 'storage_failed'].includes(err.code)) throw err
      log.warn({ err, digest }, 'a bundle was not taken over; it is fetched again')
      await rm(bundle, { recursive: true, force: true })
    }
  }
  await writeFileAtomic(mark, 'The files beside this one are sealed with keys of the key store.\n')
  if (count > 0) log.info({ files: count, dir }, 'the plain files of this edge were sealed')
}
