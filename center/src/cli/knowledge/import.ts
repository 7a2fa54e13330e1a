import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type CliIo, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import { nonEmpty, tenantId } from '../arguments.js'
import { type CenterCall, inPath } from '../center-call.js'
import { type GatheredFile, gather } from './gathered.js'

interface Told {
  readonly name: string
  readonly status: 'added' | 'updated' | 'unchanged' | 'refused'
  readonly version: number
  readonly documents: number
  readonly skipped: number
  readonly problem?: string
}

interface Options {
  readonly tenant: string
  readonly urls?: string
  readonly set?: string
  readonly class?: string
}

const COLUMNS = ['name', 'status', 'version', 'documents']
/** Of what is sent in one call. */
const CALL_BYTES = 4 * 1024 * 1024
const CALL_FILES = 500
const CALL_URLS = 10
const TIMEOUT_MS = 15 * 60_000
const MAX_URLS = 10_000

/** `knowledge import`: each source is told as the center took it; exit code 1 if one was refused. */
export function importCommand(knowledge: Command, io: CliIo, call: CenterCall): Command {
  return knowledge
    .command('import [file...]')
    .description(
      io.say({
        en: 'add documents: files, folders, ZIP archives, JSONL of {"title","text"}',
        zh: '导入文档：文件、文件夹、ZIP 压缩包、每行 {"title","text"} 的 JSONL',
      }),
    )
    .requiredOption('--tenant <tenant>', io.say({ en: 'whose documents', zh: '租户 id' }), tenantId(io))
    .option(
      '--urls <file>',
      io.say({ en: 'pages to fetch, an address a line', zh: '要抓取的网页，每行一个地址' }),
      nonEmpty(io),
    )
    .option(
      '--set <name>',
      io.say({ en: 'knowledge set; default imported', zh: '知识库名称，默认 imported' }),
    )
    .option('--class <class>', io.say({ en: 'data class, such as internal', zh: '数据分级，例如 internal' }))
    .action(async (paths: readonly string[], options: Options, command: Command) => {
      const files = await gather(paths, io)
      const urls = options.urls === undefined ? [] : await addressesIn(options.urls, io)
      if (files.length + urls.length === 0) throw nothing(io)
      const importer = new Importer(io, call, command, options)
      await importer.files(files)
      await importer.urls(urls)
      importer.end()
    })
}

class Importer {
  readonly #io: CliIo
  readonly #post: (what: string, body: object) => Promise<{ readonly sources: readonly Told[] }>
  readonly #options: object
  readonly #counts = { added: 0, updated: 0, unchanged: 0, refused: 0 }

  constructor(io: CliIo, call: CenterCall, command: Command, { tenant, set, class: dataClass }: Options) {
    this.#io = io
    this.#options = { ...(set && { knowledge: set }), ...(dataClass && { class: dataClass }) }
    const path = `/v1/tenants/${inPath(tenant)}/knowledge`
    this.#post = (what, body) =>
      call(command, 'POST', `${path}/${what}?lang=${io.lang}`, body, { timeoutMs: TIMEOUT_MS })
  }

  async files(files: readonly GatheredFile[]): Promise<void> {
    let sources: { name: string; content: string }[] = []
    let bytes = 0
    let done = 0
    const send = async () => {
      if (sources.length > 0) this.#tell(await this.#post('import', { sources, ...this.#options }))
      done += sources.length
      sources = []
      bytes = 0
    }
    for (const file of files) {
      this.#progress(done + sources.length, files.length, file.name)
      if (sources.length >= CALL_FILES || bytes + file.sizeBytes > CALL_BYTES) await send()
      const content = Buffer.from(await file.read())
      sources.push({ name: file.name, content: content.toString('base64') })
      bytes += content.byteLength
    }
    await send()
  }

  async urls(urls: readonly string[]): Promise<void> {
    for (let at = 0; at < urls.length; at += CALL_URLS) {
      this.#progress(at, urls.length, urls[at] ?? '')
      this.#tell(await this.#post('fetch', { urls: urls.slice(at, at + CALL_URLS), ...this.#options }))
    }
  }

  end(): void {
    const { added, updated, unchanged, refused } = this.#counts
    this.#io.progress(undefined)
    this.#io.err(
      this.#io.say({
        en: `${added} added, ${updated} updated, ${unchanged} unchanged, ${refused} refused`,
        zh: `新增 ${added}，更新 ${updated}，未变 ${unchanged}，拒绝 ${refused}`,
      }),
    )
    if (refused > 0) this.#io.setExitCode(1)
  }

  #tell({ sources }: { readonly sources: readonly Told[] }): void {
    const { say } = this.#io
    for (const { name, status, skipped, problem } of sources) {
      this.#counts[status]++
      if (problem !== undefined) this.#io.err(`${name} ${problem}`)
      if (skipped > 0) {
        this.#io.err(`${name}: ${say({ en: `${skipped} rows hold no text`, zh: `${skipped} 行没有文字` })}`)
      }
    }
    this.#io.table(
      sources.map((source) => ({ ...source })),
      COLUMNS,
    )
  }

  #progress(done: number, of: number, name: string): void {
    this.#io.progress(`${done}/${of} ${name}`)
  }
}

async function addressesIn(path: string, io: CliIo): Promise<string[]> {
  const urls: string[] = []
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    if (!URL.canParse(text)) {
      throw new YizhanError(
        'invalid_argument',
        io.say({ en: `no address: ${text}`, zh: `不是网址：${text}` }),
      )
    }
    if (urls.push(text) > MAX_URLS) throw new YizhanError('too_large', `more than ${MAX_URLS} addresses`)
  }
  return urls
}

function nothing(io: CliIo): YizhanError {
  return new YizhanError(
    'invalid_argument',
    io.say({ en: 'there is nothing to import', zh: '没有可导入的内容' }),
    { hint: 'yizhan-center knowledge import --help' },
  )
}
