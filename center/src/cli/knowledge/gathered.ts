import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type CliIo, storageError, systemCode, YizhanError } from '@yizhan/kernel'
import { sourceKind } from '../../knowledge/read-source.js'
import { filesInZip } from './zip-files.js'

/** A file that is to be imported, read when its turn comes. */
export interface GatheredFile {
  /** As it will be named: the file's own name, below a folder or an archive the path from there. */
  readonly name: string
  readonly sizeBytes: number
  read(): Promise<Uint8Array>
}

const MAX_FILES = 20_000

/**
 * The files that the given paths stand for: files, folders with all below them, and archives. What is in a folder or an
 * archive and cannot be imported is told and left out. Throws `invalid_argument` for a path that cannot be, or a name that
 * comes twice; `storage_failed` for what cannot be read.
 */
export async function gather(paths: readonly string[], io: CliIo): Promise<GatheredFile[]> {
  const files = new Map<string, GatheredFile>()
  const add = (file: GatheredFile) => {
    if (files.has(file.name)) throw refused(io, twice(file.name))
    if (files.size >= MAX_FILES) throw refused(io, tooMany())
    files.set(file.name, file)
  }
  const passOver = (name: string) => io.err(io.say({ en: `passed over: ${name}`, zh: `已跳过：${name}` }))

  async function folder(dir: string, prefix: string): Promise<void> {
    const entries = await readdir(dir, { withFileTypes: true }).catch((thrown: unknown) => {
      throw storageError(thrown, 'read', dir)
    })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue
      const [path, name] = [join(dir, entry.name), `${prefix}/${entry.name}`]
      if (entry.isDirectory()) await folder(path, name)
      // A link may lead anywhere on this machine.
      else if (entry.isFile() && sourceKind(name) !== undefined)
        add(onDisk(path, name, (await lstat(path)).size))
      else passOver(name)
    }
  }

  for (const path of paths) {
    const found = await stat(path).catch((thrown: unknown) => {
      throw refused(io, unreadable(path, systemCode(thrown)))
    })
    const name = basename(resolve(path))
    if (found.isDirectory()) await folder(path, name)
    else if (/\.zip$/i.test(name)) {
      for (const file of await filesInZip(path, name.slice(0, -4))) {
        if (sourceKind(file.name) === undefined) passOver(file.name)
        else add(file)
      }
    } else if (sourceKind(name) === undefined) throw refused(io, noKind(path))
    else add(onDisk(path, name, found.size))
  }
  return [...files.values()]
}

function onDisk(path: string, name: string, sizeBytes: number): GatheredFile {
  return {
    name,
    sizeBytes,
    read: () =>
      readFile(path).catch((thrown: unknown) => {
        throw storageError(thrown, 'read', path)
      }),
  }
}

interface Sentence {
  readonly en: string
  readonly zh: string
}

function refused(io: CliIo, message: Sentence): YizhanError {
  return new YizhanError('invalid_argument', io.say(message))
}

function unreadable(path: string, code: string | undefined): Sentence {
  const why = code ?? 'unknown'
  return { en: `${path} cannot be read (${why})`, zh: `无法读取 ${path}（${why}）` }
}

function noKind(path: string): Sentence {
  return {
    en: `${path} is none of md, txt, html, pdf, docx, jsonl, zip, and no folder`,
    zh: `${path} 不是 md、txt、html、pdf、docx、jsonl、zip 文件，也不是文件夹`,
  }
}

function twice(name: string): Sentence {
  return {
    en: `two files would be named ${name}; import the folder that holds both`,
    zh: `有两个文件都叫 ${name}；请导入包含它们的文件夹`,
  }
}

function tooMany(): Sentence {
  return { en: `more than ${MAX_FILES} files at once`, zh: `一次超过 ${MAX_FILES} 个文件` }
}
