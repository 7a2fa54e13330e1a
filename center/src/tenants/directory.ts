import { lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CliLanguage, storageError, YizhanError } from '@yizhan/kernel'
import type { Wording } from './problem.js'
import { MAX_TENANT_BYTES, MAX_TENANT_FILES } from './tenant-files.js'

/**
 * The files below a tenant directory, as `apply` sends them; hidden ones are left out. Throws `invalid_argument` (no
 * directory, a link or another special file), `too_large`, `storage_failed` (what cannot be read).
 */
export async function readTenantDirectory(
  dir: string,
  lang: CliLanguage = 'en',
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  let bytes = 0
  async function walk(below: string): Promise<void> {
    for (const entry of await entriesOf(dir, below, lang)) {
      if (entry.name.startsWith('.')) continue
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) await walk(path)
      // A link may lead anywhere on this machine, and what it leads to would be sent to the center.
      else if (!entry.isFile()) throw refused('invalid_argument', notPlain(join(dir, path)), lang)
      else files.set(path, await read(path))
    }
  }
  async function read(path: string): Promise<Uint8Array> {
    const whole = join(dir, path)
    try {
      bytes += (await lstat(whole)).size
      if (files.size >= MAX_TENANT_FILES || bytes > MAX_TENANT_BYTES)
        throw refused('too_large', tooLarge(dir), lang)
      return await readFile(whole)
    } catch (thrown) {
      throw storageError(thrown, 'read', whole)
    }
  }
  await walk('')
  return files
}

async function entriesOf(dir: string, below: string, lang: CliLanguage) {
  try {
    return await readdir(join(dir, below), { withFileTypes: true })
  } catch (thrown) {
    if (below !== '') throw storageError(thrown, 'read', join(dir, below))
    throw refused('invalid_argument', noDirectory(dir), lang, thrown)
  }
}

function refused(
  code: 'invalid_argument' | 'too_large',
  message: Wording,
  lang: CliLanguage,
  cause?: unknown,
): YizhanError {
  return new YizhanError(code, message[lang], cause === undefined ? {} : { cause })
}

function noDirectory(dir: string): Wording {
  return { en: `${dir} is not a directory that can be read`, zh: `${dir} 不是可读取的目录` }
}

function notPlain(path: string): Wording {
  return {
    en: `${path} is a link or another special file; put the file itself there`,
    zh: `${path} 是链接或特殊文件；请放入文件本身`,
  }
}

function tooLarge(dir: string): Wording {
  const mib = MAX_TENANT_BYTES / 1024 / 1024
  return {
    en: `${dir} has more than ${MAX_TENANT_FILES} files or ${mib} MiB`,
    zh: `${dir} 超过 ${MAX_TENANT_FILES} 个文件或 ${mib} MiB`,
  }
}
